/**
 * The release build of `static/chat`: bundled, minified, named by content, compressed beforehand.
 *
 *     node build.js [FOLDER]      (static/build unless said otherwise)
 *
 * `manifest.json` says what was made of which source, and by a digest of all sources what they were: pages use a build
 * only while that is still so (`chat/release.py`).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

/** @import { BuildOptions, Metafile, OutputFile, Plugin } from "esbuild" */
/** @typedef {{file: string, imports: string[]}} Built names below `static/`; `imports`: what it cannot run without */

const STATIC = join(dirname(fileURLToPath(import.meta.url)), "static");
const SOURCES = join(STATIC, "chat");
const MAIN = "chat/frame/main.js";
const FIRST_SHEET = "chat/first.css";
/** Scripts for pages of other people: one file each, without imports. Those that do not exist are left out. */
const STANDALONE = /** @type {const} */ ({ iife: ["chat/sdk.js", "chat/compat.js", "chat/element.js"], esm: ["chat/client.js"] });
const KEPT_MS = 14 * 24 * 60 * 60 * 1000; // Pages opened before this build still ask for their lazy parts.

/** @type {BuildOptions} */
const COMMON = {
  absWorkingDir: STATIC,
  bundle: true,
  charset: "utf8",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  legalComments: "none",
  metafile: true,
  minify: true,
  outdir: join(STATIC, "build"), // Only for names: nothing is written by esbuild itself.
  target: "es2022",
  write: false,
};

/** @param {BuildOptions} options */
async function bundle(options) {
  const { outputFiles, metafile } = await build({ ...COMMON, ...options });
  return { files: outputFiles ?? [], metafile: /** @type {Metafile} */ (metafile) };
}

/**
 * All that is there at first belongs into one file. esbuild makes a chunk of its own for each set of lazy parts that share
 * something; if each of them imports the beginning, there is one such set.
 * @param {Set<string>} lazy absolute paths @returns {Plugin}
 */
function startingFromMain(lazy) {
  const line = `\nimport ${JSON.stringify(join(STATIC, MAIN))};\n`;
  return {
    name: "starting from main",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => (lazy.has(path) ? { contents: readFileSync(path, "utf8") + line } : null));
    },
  };
}

async function frame() {
  const options = { entryPoints: [MAIN], format: /** @type {const} */ ("esm"), splitting: true };
  const { metafile } = await bundle(options);
  const entries = Object.values(metafile.outputs).flatMap(({ entryPoint }) => entryPoint ?? []);
  const lazy = new Set(entries.filter((name) => name !== MAIN).map((name) => join(STATIC, name)));
  return bundle({ ...options, plugins: [startingFromMain(lazy)] });
}

/** What the launcher's parts call each other by, and nobody else: every page loads each byte of it. */
const INWARD = /^(address|api|asks|begun|button|call|done|dress|emit|hear|leave|loadAfresh|missed|need|pane|panel|placed|ready|say|speak|tell)$/;

async function standalone() {
  const formats = /** @type {const} */ (["iife", "esm"]);
  return Promise.all(
    formats.map((format) => {
      const entryPoints = STANDALONE[format].filter((name) => existsSync(join(STATIC, name)));
      return bundle({ entryPoints, format, ...(format === "iife" ? { mangleProps: INWARD } : {}) });
    }),
  );
}

/** Catalogues: of each visitor's language one, loaded by its address. */
async function locales() {
  const entryPoints = names(SOURCES).filter((name) => /^locales\/[^/]+\.js$/.test(name)).map((name) => `chat/${name}`);
  return bundle({ entryPoints, format: "esm" });
}

async function sheets() {
  const lazy = names(SOURCES).filter((name) => /^lazy\/[^/]+\.css$/.test(name));
  return bundle({ entryPoints: [FIRST_SHEET, ...lazy.map((name) => `chat/${name}`)] });
}

/** @param {Metafile} metafile @returns {[string, Built][]} */
function made({ outputs }) {
  return Object.entries(outputs).flatMap(([name, { entryPoint }]) => {
    if (!entryPoint) return [];
    const file = beginning(outputs, name);
    return [[entryPoint, { file, imports: needed(outputs, file) }]];
  });
}

/** An entry whose every line went into a chunk is only a word that names it. @param {Metafile["outputs"]} outputs @param {string} name */
function beginning(outputs, name) {
  const { inputs, imports, exports } = outputs[name] ?? {};
  const [only] = imports ?? [];
  const isEmpty = Object.values(inputs ?? {}).every(({ bytesInOutput }) => bytesInOutput === 0);
  return isEmpty && only?.kind === "import-statement" && imports?.length === 1 && !exports?.length ? only.path : name;
}

/** @param {Metafile["outputs"]} outputs @param {string} name @returns {string[]} */
function needed(outputs, name, known = new Set([name])) {
  for (const { kind, path } of outputs[name]?.imports ?? []) {
    if (kind !== "import-statement" || known.has(path)) continue;
    known.add(path);
    needed(outputs, path, known);
  }
  return [...known].filter((each) => each !== name).sort();
}

/** @param {string} folder @returns {string[]} paths below it, sorted by their bytes */
function names(folder) {
  const all = readdirSync(folder, { recursive: true }).map((name) => String(name).replaceAll("\\", "/"));
  return all.filter((name) => /\.(js|css|json)$/.test(name)).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

/** `chat/release.py` computes the same. */
function digest() {
  const hash = createHash("sha256");
  for (const name of names(SOURCES)) {
    const content = readFileSync(join(SOURCES, name));
    hash.update(`${name}\n${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/** @param {string} path @param {Uint8Array} content */
function write(path, content) {
  writeFileSync(path, content);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
}

/** From now on counts how long what this manifest names is kept: it was in use until now. @param {string} folder */
function supersede(folder) {
  const path = join(folder, "manifest.json");
  if (!existsSync(path)) return;
  /** @type {{files: Record<string, Built>}} */
  const { files } = JSON.parse(readFileSync(path, "utf8"));
  const now = new Date();
  const named = new Set(Object.values(files).flatMap(({ file, imports }) => [file, ...imports]).map((name) => basename(name)));
  for (const name of readdirSync(folder)) {
    if (named.has(name.replace(/\.(gz|br)$/, ""))) utimesSync(join(folder, name), now, now);
  }
}

/** @param {string} folder @param {Set<string>} current */
function sweep(folder, current) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!current.has(name.replace(/\.(gz|br)$/, "")) && Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true });
  }
}

/** @param {string} folder */
async function release(folder) {
  const sources = digest();
  const bundles = [await frame(), ...(await standalone()), await locales(), await sheets()];
  const manifest = { sources, files: Object.fromEntries(bundles.flatMap(({ metafile }) => made(metafile)).sort()) };
  const current = new Set(["manifest.json"]);
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of bundles.flatMap(({ files }) => files)) {
    current.add(basename(path));
    write(join(folder, basename(path)), contents);
  }
  supersede(folder);
  // Last, and at once: whoever reads it finds what it names.
  writeFileSync(join(folder, "manifest.new"), `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(join(folder, "manifest.new"), join(folder, "manifest.json"));
  sweep(folder, current);
  return current.size - 1;
}

const folder = resolve(process.argv[2] ?? join(STATIC, "build"));
const count = await release(folder);
console.log(`Built ${count} files in ${relative(process.cwd(), folder) || "."}`);
