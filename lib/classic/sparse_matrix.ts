/**
 * A matrix of which only the entries other than zero are stored, row by row (compressed sparse
 * rows): the entries of row r are those from `rowStarts[r]` to `rowStarts[r + 1]`.
 */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  /** rows + 1 positions in the two arrays below. */
  readonly rowStarts: Uint32Array;
  /** The column of each entry, ascending within a row. */
  readonly columnIndices: Uint32Array;
  /** The value of each entry. */
  readonly values: Float64Array;
}

/** Collects rows of entries. */
export class SparseMatrixBuilder {
  #starts: number[] = [0];
  #columns = new Uint32Array(1024);
  #values = new Float64Array(1024);
  #size = 0;

  /** Appends a row. The entries may come in any order; a column may appear once. */
  addRow(entries: Iterable<readonly [column: number, value: number]>): void {
    for (const [column, value] of [...entries].sort((a, b) => a[0] - b[0])) {
      if (this.#size === this.#columns.length) this.#grow();
      this.#columns[this.#size] = column;
      this.#values[this.#size++] = value;
    }
    this.#starts.push(this.#size);
  }

  /** The matrix of the rows so far. */
  build(columns: number): SparseMatrix {
    return {
      rows: this.#starts.length - 1,
      columns,
      rowStarts: Uint32Array.from(this.#starts),
      columnIndices: this.#columns.slice(0, this.#size),
      values: this.#values.slice(0, this.#size),
    };
  }

  #grow(): void {
    const columns = new Uint32Array(2 * this.#size);
    const values = new Float64Array(2 * this.#size);
    columns.set(this.#columns);
    values.set(this.#values);
    [this.#columns, this.#values] = [columns, values];
  }
}

/**
 * Checks that a matrix has no NaN and nothing infinite.
 *
 * @param name of the argument, for errors
 * @throws RangeError if it has
 */
export function checkFinite(
  { values, rowStarts, columnIndices }: SparseMatrix,
  name: string,
): void {
  for (let k = 0; k < values.length; k++) {
    if (Number.isFinite(values[k])) continue;
    const row = rowStarts.findLastIndex((start) => start <= k);
    throw new RangeError(
      `${name} must be finite, but had ${values[k]} in row ${row}, column ${columnIndices[k]}.`,
    );
  }
}

/**
 * Checks what a fitted model is given: as many columns as at the fit, and finite values.
 *
 * @param name of the argument, for errors
 * @throws RangeError if it is otherwise
 */
export function checkLikeFit(matrix: SparseMatrix, columns: number, name: string): void {
  if (matrix.columns !== columns) {
    throw new RangeError(
      `${name} must have the ${columns} columns of the fit, but had ${matrix.columns}.`,
    );
  }
  checkFinite(matrix, name);
}

/**
 * The product of a sparse matrix [rows, columns] and a dense one [columns, width] in row-major
 * order, as a dense [rows, width].
 */
export function multiply(
  matrix: SparseMatrix,
  dense: Float64Array,
  width: number,
  out: Float64Array = new Float64Array(matrix.rows * width),
): Float64Array {
  const { rows, rowStarts, columnIndices, values } = matrix;
  out.fill(0);
  for (let row = 0; row < rows; row++) {
    const target = row * width;
    for (let k = rowStarts[row]; k < rowStarts[row + 1]; k++) {
      const value = values[k];
      const source = columnIndices[k] * width;
      for (let j = 0; j < width; j++) out[target + j] += value * dense[source + j];
    }
  }
  return out;
}

/**
 * Adds the product of a sparse matrix's transpose [columns, rows] and a dense matrix [rows, width]
 * to `out`, a dense [columns, width].
 */
export function addTransposedProduct(
  matrix: SparseMatrix,
  dense: Float64Array,
  width: number,
  out: Float64Array,
): void {
  const { rows, rowStarts, columnIndices, values } = matrix;
  for (let row = 0; row < rows; row++) {
    const source = row * width;
    for (let k = rowStarts[row]; k < rowStarts[row + 1]; k++) {
      const value = values[k];
      const target = columnIndices[k] * width;
      for (let j = 0; j < width; j++) out[target + j] += value * dense[source + j];
    }
  }
}
