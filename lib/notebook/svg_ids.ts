/**
 * An SVG picture whose identifiers begin with `prefix`, so that two pictures never share a clip
 * path where a viewer puts both into one document, as GitHub does with the outputs of notebooks.
 */
export function prefixIds(svg: string, prefix: string): string {
  const ids = new Set([...svg.matchAll(/\sid=["']([^"']+)["']/g)].map((match) => match[1]));
  if (ids.size === 0) return svg;
  return svg
    .replace(/(\sid=["'])([^"']+)/g, (_, before, id) => `${before}${prefix}-${id}`)
    .replace(
      /(url\((?:&quot;|["'])?#|(?:xlink:)?href=["']#)([^"')&]+)/g,
      (whole, before, id) => ids.has(id) ? `${before}${prefix}-${id}` : whole,
    );
}
