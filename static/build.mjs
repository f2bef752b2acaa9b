// Bundle each page's module and styles into dist/, under names that change with their content.
//
//   node build.mjs [--sourcemap]
//
// dist/manifest.json maps a page to what its template links, as names inside dist/:
//   {"student": {"file": "student-….js", "css": ["main-….css", "student-….css"], "imports": ["chunk-….js"], "later": ["chunk-….js"]}, …,
//    "main": {"css": ["main-….css"]}}
// `css` is in cascade order and starts with the common sheet; `imports` are the chunks to preload; `later` are those
// that the page loads on demand. "main" serves pages that have no module. A package's own styles come in by @import
// from a sheet here (`@import "uplot/dist/uPlot.min.css";`), never from a module.

import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** @typedef {{file?: string, css: string[], imports?: string[], later?: string[]}} Page */

const ROOT = import.meta.dirname;
const DIST = join(ROOT, "dist");
const PAGES = ["home", "new", "join", "student", "teach", "project", "report", "family"];
// Two copies in one bundle break these packages: each recognises only its own classes.
const SINGLE = ["yjs", "y-protocols", "@codemirror/state", "@codemirror/view", "@lezer/common", "lit-html"];

// Each page by itself: shared chunks of all pages together made the student's page 16 files, and a browser fetches six at a time.
const results = await Promise.all(["main", ...PAGES].map((page) => bundle([`src/${page}.js`, `css/${page}.css`].filter((entry) => existsSync(join(ROOT, entry))))));
const files = [...new Map(results.flatMap(({ outputFiles }) => outputFiles.map((file) => [file.path, file]))).values()];

/** @param {string[]} entryPoints */
function bundle(entryPoints) {
  return build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir: "dist",
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    assetNames: "[name]-[hash]",
    loader: { ".woff2": "file", ".svg": "file", ".png": "file" },
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    // Its namesake, so that one that nobody uses goes: @codemirror/commands makes one at its start, 80 ms on a slow laptop.
    define: { "Intl.Segmenter": "Intl.Segmenter" },
    sourcemap: process.argv.includes("--sourcemap"),
    legalComments: "none", // the licences of everything bundled stand whole in licenses.txt
    metafile: true,
    write: false,
    logLevel: "warning",
  });
}

const sizes = new Map(
  files.map(({ path, contents }) => [
    basename(path),
    { bytes: contents.length, gzip: gzipSync(contents, { level: 9 }).length },
  ]),
);
const outputs = new Map(results.flatMap(({ metafile }) => Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output])));
const inputs = [...new Set(results.flatMap(({ metafile }) => Object.keys(metafile.inputs)))];
const pages = describe();
refuseDuplicates(inputs);
write();
report();

/** @returns {Record<string, Page>} */
function describe() {
  /** @type {Map<string, string>} */
  const built = new Map();
  for (const [name, { entryPoint }] of outputs) if (entryPoint) built.set(entryPoint, name);
  const common = [built.get("css/main.css")].filter((name) => name !== undefined);
  /** @type {Record<string, Page>} */
  const described = { main: { css: common } };
  for (const page of PAGES) {
    const file = built.get(`src/${page}.js`);
    const own = built.get(`css/${page}.css`);
    const css = own ? [...common, own] : common;
    if (file) {
      const [, ...imports] = reach(file, "import-statement");
      const all = reach(file, "import-statement", "dynamic-import");
      described[page] = { file, css, imports, later: all.filter((name) => name !== file && !imports.includes(name)) };
    } else if (own) described[page] = { css };
  }
  return described;
}

/**
 * List a module and every chunk it reaches by these kinds of import.
 * @param {string} file
 * @param {...string} kinds
 */
function reach(file, ...kinds) {
  const found = new Set([file]);
  for (const name of found) {
    for (const { path, kind, external } of outputs.get(name)?.imports ?? []) {
      if (!external && kinds.includes(kind)) found.add(basename(path));
    }
  }
  return [...found];
}

/** @param {string[]} inputs */
function refuseDuplicates(inputs) {
  for (const name of SINGLE) {
    const copies = new Set(inputs.map((path) => packageFolder(path)).filter((folder) => folder?.endsWith(`/${name}`)));
    if (copies.size > 1) throw new Error(`bundled more than once: ${[...copies].join(", ")}`);
  }
}

/** @param {string} path @returns {string | undefined} the folder of the package that holds this file */
function packageFolder(path) {
  return path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
}

function licenses() {
  const folders = new Set(inputs.flatMap((path) => packageFolder(path) ?? []));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
    const file = readdirSync(join(ROOT, folder)).find((candidate) => /^licen[cs]e/i.test(candidate));
    const text = file ? readFileSync(join(ROOT, folder, file), "utf8").trim() : `(the package names its licence only)`;
    return `${name} ${version}: ${license}\n\n${text}\n`;
  });
}

function write() {
  mkdirSync(DIST, { recursive: true });
  for (const { path, contents } of files) {
    writeFileSync(path, contents);
    // Packed once here, and not for every reader: the editor is 440 kB plain and 140 packed.
    writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
  }
  writeFileSync(join(DIST, "licenses.txt"), licenses().join(`\n${"-".repeat(80)}\n\n`));
  // The manifest comes last and whole: a server starting now finds the old set or the new one.
  writeFileSync(join(DIST, "manifest.json.new"), JSON.stringify(pages, null, 2) + "\n");
  renameSync(join(DIST, "manifest.json.new"), join(DIST, "manifest.json"));
  const built = [...sizes.keys()];
  const kept = new Set([...built, ...built.map((name) => `${name}.gz`), "licenses.txt", "manifest.json"]);
  for (const name of readdirSync(DIST)) if (!kept.has(name)) rmSync(join(DIST, name), { recursive: true });
}

function report() {
  console.log("page        files     bytes      gzip   on demand (gzip)");
  for (const [page, { file, css }] of Object.entries(pages)) {
    const needed = [...(file ? reach(file, "import-statement") : []), ...css];
    const later = file ? reach(file, "import-statement", "dynamic-import").filter((name) => !needed.includes(name)) : [];
    const row = [needed.length, total(needed, "bytes"), total(needed, "gzip"), total(later, "gzip")];
    console.log(page.padEnd(10) + row.map((value, at) => String(value).padStart([7, 10, 10, 19][at])).join(""));
  }
}

/** @param {string[]} names @param {"bytes" | "gzip"} unit */
function total(names, unit) {
  return names.reduce((sum, name) => sum + (sizes.get(name)?.[unit] ?? 0), 0);
}
