import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { driverAdvice } from "../../lib/tasks/adapter.ts";
import { versionAdvice } from "../../lib/tasks/deno_version.ts";

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n';
const MINT = 'NAME=Mint\nID=linuxmint\nID_LIKE="ubuntu debian"\n';

Deno.test("a Debian machine gets the command that installs Mesa's driver, with sudo unless root", () => {
  const user = driverAdvice({ os: "linux", osRelease: DEBIAN });
  assertStringIncludes(user.sentence, "sudo apt-get install -y");
  assertStringIncludes(user.sentence, "mesa-vulkan-drivers");
  const root = driverAdvice({ os: "linux", osRelease: DEBIAN, root: true });
  assert(!root.sentence.includes("sudo"));
  assertEquals(root.install?.[0], "apt-get");
  assert(root.install?.includes("libvulkan1"), "without the loader no driver is found");
});

Deno.test("a relative of Debian is known by ID_LIKE", () => {
  assertEquals(driverAdvice({ os: "linux", osRelease: MINT }).install?.[0], "apt-get");
});

Deno.test("other distributions get the command of their own package manager", () => {
  const command = (osRelease: string) => driverAdvice({ os: "linux", osRelease }).install?.[0];
  assertEquals(command("ID=fedora\n"), "dnf");
  assertEquals(command('ID=rocky\nID_LIKE="rhel centos fedora"\n'), "dnf");
  assertEquals(command("ID=arch\n"), "pacman");
  assertEquals(command('ID=opensuse-tumbleweed\nID_LIKE="opensuse suse"\n'), "zypper");
});

Deno.test("unknown systems get a sentence and no command", () => {
  for (const facts of [{ os: "linux" }, { os: "darwin" }, { os: "windows" }] as const) {
    const { install, sentence } = driverAdvice(facts);
    assertEquals(install, undefined);
    assertStringIncludes(sentence, "No WebGPU adapter was found.");
  }
});

Deno.test("another Deno than ours is told, ours is not", () => {
  assertStringIncludes(versionAdvice("2.1.0")!, "This is Deno 2.1.0");
  assertEquals(versionAdvice(Deno.version.deno), undefined, "tests run with the one that is named");
});
