import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const skip = !existsSync(join(ROOT, "node_modules/esbuild")) && "esbuild is not installed";
/** @type {string[]} */
const folders = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A checkout of its own. @param {Record<string, string>} more files below static/chat */
function checkout(more = {}) {
  const folder = mkdtempSync(join(tmpdir(), "checkout-"));
  folders.push(folder);
  for (const name of ["build.js", "package.json"]) cpSync(join(ROOT, name), join(folder, name));
  cpSync(join(ROOT, "static/chat"), join(folder, "static/chat"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(more)) {
    const path = join(folder, "static/chat", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}

/** @param {string} folder */
async function built(folder) {
  await promisify(execFile)(process.execPath, [join(folder, "build.js")]);
  const read = (/** @type {string} */ name) => readFileSync(join(folder, "static", name));
  /** @type {{files: Record<string, {file: string, imports: string[]}>}} */
  const { files } = JSON.parse(read("build/manifest.json").toString());
  return { files, read, names: readdirSync(join(folder, "static/build")).sort() };
}

const MAIN = readFileSync(join(ROOT, "static/chat/frame/main.js"), "utf8");
const LAZY = {
  "frame/main.js": `${MAIN}\nObject.assign(globalThis, { parts: () => Promise.all([import("./far.js"), import("./farther.js"), import("./farthest.js")]) });\n`,
  "frame/far.js": `import { el } from "./nodes.js";\nimport { between } from "./between.js";\nexport const far = () => el("p", { class: between });\n`,
  "frame/farther.js": `import { words } from "./words.js";\nimport { between } from "./between.js";\nexport const farther = words.today + between;\n`,
  "frame/farthest.js": `import { el } from "./nodes.js";\nimport { words } from "./words.js";\nexport const farthest = [el, words];\n`,
  "frame/between.js": `export const between = "shared by two lazy parts alone";\n`,
  "locales/xx.js": `export default ({\n  "send": "Ssend",\n});\n`,
  "lazy/far.css": ".far {\n  color: var(--ink);\n}\n",
};

test("the same sources give the same files wherever they lie", { skip }, async () => {
  const [one, other] = await Promise.all([built(checkout()), built(checkout())]);
  assert.deepEqual(one.names, other.names);
  for (const name of one.names) assert.deepEqual(one.read(`build/${name}`), other.read(`build/${name}`), name);
});

test("the chat begins with one script and one sheet, however many lazy parts share something with it", { skip }, async () => {
  const { files, read } = await built(checkout(LAZY));
  const { file, imports } = files["chat/frame/main.js"];
  assert.deepEqual(imports, []);
  const main = read(file).toString();
  assert.doesNotMatch(main, /shared by two lazy parts alone/);
  assert.doesNotMatch(main, /(^|[;}])import\s*[{"]/, "nothing that would have to be fetched before it runs");
  for (const name of ["far", "farther", "farthest"]) {
    const lazy = files[`chat/frame/${name}.js`];
    assert.ok(main.includes(lazy.file.replace("build/", "./")), `${name} is named where it is loaded`);
    assert.ok(lazy.imports.includes(file), `${name} uses what is there`);
  }
  assert.doesNotMatch(read(files["chat/first.css"].file).toString(), /@import/);
});

test("stylesheets of lazy parts are files of their own, made small", { skip }, async () => {
  const { files, read } = await built(checkout(LAZY));
  assert.equal(read(files["chat/lazy/far.css"].file).toString().trim(), ".far{color:var(--ink)}");
});

test("each language is a file of its own", { skip }, async () => {
  const { files, read } = await built(checkout(LAZY));
  assert.match(read(files["chat/locales/xx.js"].file).toString(), /^var (\w+)=\{send:"Ssend"\};export\{\1 as default\};\n$/);
});

test("what stands on other people's pages imports nothing", { skip }, async () => {
  const { files, read } = await built(checkout(LAZY));
  for (const name of ["chat/sdk.js", "chat/client.js"]) {
    assert.deepEqual(files[name].imports, []);
    assert.doesNotMatch(read(files[name].file).toString(), /\bimport\b(?!\(`\$)/); // by an address of the host page's alone
  }
});

test("each file lies there compressed, and its name changes with what is in it", { skip }, async () => {
  const before = await built(checkout());
  const after = await built(checkout({ "tokens.css": ":root { --ink: #123456 }\n" }));
  const name = "chat/first.css";
  assert.notEqual(before.files[name].file, after.files[name].file);
  assert.equal(before.files["chat/sdk.js"].file, after.files["chat/sdk.js"].file);
  const plain = before.read(before.files[name].file);
  assert.deepEqual(gunzipSync(before.read(`${before.files[name].file}.gz`)), plain);
  assert.deepEqual(brotliDecompressSync(before.read(`${before.files[name].file}.br`)), plain);
});

/** @param {string} folder @param {number} turn Other sources of the sheet and of the script. */
function changed(folder, turn) {
  writeFileSync(join(folder, "static/chat/tokens.css"), `:root { --ink: #12345${turn} }\n`);
  const clock = readFileSync(join(ROOT, "static/chat/clock.js"), "utf8");
  writeFileSync(join(folder, "static/chat/clock.js"), clock.replace("Date.now()", `Date.now() + ${turn}`));
}

/** So many days pass for all that was built. @param {string} folder @param {number} days */
function aged(folder, days) {
  for (const name of readdirSync(join(folder, "static/build"))) {
    const path = join(folder, "static/build", name);
    const then = new Date(statSync(path).mtimeMs - days * 24 * 60 * 60 * 1000);
    utimesSync(path, then, then);
  }
}

test("pages opened before a build find their lazy parts for two weeks more, however old these are", { skip }, async () => {
  const folder = checkout();
  const { files } = await built(folder);
  const [sheet, script] = [files["chat/first.css"].file, files["chat/frame/main.js"].file].map((name) => name.replace("build/", ""));
  const ends = ["", ".br", ".gz"];
  aged(folder, 20);
  changed(folder, 1);
  const superseded = await built(folder);
  for (const name of [sheet, script]) for (const end of ends) assert.ok(superseded.names.includes(name + end), name + end);
  aged(folder, 13);
  changed(folder, 2);
  assert.ok((await built(folder)).names.includes(script));
  aged(folder, 2);
  changed(folder, 3);
  const { names } = await built(folder);
  assert.ok(!names.some((name) => name.startsWith(sheet) || name.startsWith(script)));
  const second = superseded.files["chat/frame/main.js"].file.replace("build/", "");
  assert.ok(names.includes(second), "superseded two days ago");
});
