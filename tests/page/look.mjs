// Looks at the runtime's page with Chromium, over the debugging pipe: `look.mjs URL NUMBER-OF-PATTERNS DIRECTORY`.
//
// Prints one line of JSON with what it saw, and writes pictures into the directory. A line on its standard input then says that the
// runtime is gone, and it prints what the page says of that.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [url, patterns, directory] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const profile = mkdtempSync(join(tmpdir(), "page-"));

/// The browser, and how to talk to it: messages end with a zero byte, on the file descriptors 3 and 4.
const flags = [
  // The tests may run as root, and in containers without namespaces; it reads nothing but the page under test.
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${profile}`,
];
const browser = spawn("chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map();
const heard = [];
let number = 0;
let rest = "";

browser.stdio[4].setEncoding("utf8").on("data", (data) => {
  const messages = (rest + data).split("\0");
  rest = messages.pop();
  for (const message of messages.map((text) => JSON.parse(text))) {
    const { resolve, reject } = waiting.get(message.id) ?? {};
    waiting.delete(message.id);
    if (message.error) reject?.(new Error(JSON.stringify(message.error)));
    else if (message.id) resolve?.(message.result);
    else heard.push(message);
  }
});
browser.on("exit", () => waiting.forEach(({ reject }) => reject(new Error("Chromium ended"))));

let sessionId;
const send = (method, params = {}) => new Promise((resolve, reject) => {
  waiting.set(++number, { resolve, reject });
  browser.stdio[3].write(JSON.stringify({ id: number, method, params, ...(sessionId && { sessionId }) }) + "\0");
});

async function run(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

async function until(what, expression) {
  const end = Date.now() + 30_000;
  while (!(await run(expression))) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}\n${await run("document.body.innerText")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const polled = async () => {
  const before = await run(`document.getElementById("time").dateTime`);
  await until("it asks again", `document.getElementById("time").dateTime !== ${JSON.stringify(before)}`);
};

/// What the page is made of.
const SEEN = `({
  title: document.title,
  state: document.getElementById("state").textContent,
  live: document.getElementById("state").getAttribute("aria-live"),
  landmarks: ["header", "main", "footer"].every((name) => document.querySelectorAll("body > " + name).length === 1),
  headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => Number(heading.tagName[1])),
  unscoped: [...document.querySelectorAll("th")].filter((th) => !th.scope).length,
  foreign: document.querySelectorAll("img, iframe, object, embed, svg, style, [onerror], [onload], [style]").length,
  scripts: document.querySelectorAll("script").length,
  patterns: [...document.querySelectorAll("article")].map((article) => ({
    name: article.querySelector("h3").textContent,
    state: article.querySelector(".word").textContent,
    text: article.textContent,
  })),
})`;

const picture = async (name, width, scheme) => {
  const mobile = width < 600;
  await send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: mobile ? 2 : 1, mobile });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  // The debugger brought it in, whom the page's policy does not bind.
  const result = await run("axe.run(document, { resultTypes: ['violations'] })");
  const grave = result.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const { width: wide } = (await send("Page.getLayoutMetrics")).cssContentSize;
  const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true });
  if (name) writeFileSync(join(directory, `${name}.png`), Buffer.from(data, "base64"));
  return {
    width, scheme, wide,
    all: result.violations.map(({ id, impact }) => `${impact}: ${id}`),
    grave: grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`),
  };
};

try {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  ({ sessionId } = await send("Target.attachToTarget", { targetId, flatten: true }));
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  await send("Page.navigate", { url });
  await until("all patterns are shown", `document.querySelectorAll("article").length === ${Number(patterns)}`);
  const seen = await run(SEEN);
  await run(axe + ";0");

  // What is opened and closed by hand stays so, and what is focused stays focused.
  await run(`document.querySelectorAll("article > details").forEach((details, at) => { details.open = at === 0; })`);
  await run(`document.querySelector("article summary").focus()`);
  await polled();
  await polled();
  seen.kept = await run(`[...document.querySelectorAll("article > details")].every((details, at) => details.open === (at === 0))
    && document.activeElement === document.querySelector("article summary")`);

  // Words narrow what is shown.
  const find = (text) => run(`(() => { const find = document.getElementById("find"); find.value = ${JSON.stringify(text)};
    find.dispatchEvent(new Event("input")); return document.querySelectorAll("article:not([hidden])").length; })()`);
  seen.found = await find("WebSite");
  seen.all = await find("");

  await run(`document.activeElement.blur(); document.querySelectorAll("details").forEach((details) => { details.open = true; })`);
  seen.views = [];
  for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"]]) {
    seen.views.push(await picture(`${width}-${scheme}`, width, scheme));
  }
  seen.views.push(await picture(null, 320, "light"));
  // As a visitor finds it.
  await run(`document.querySelectorAll("details details").forEach((details) => { details.open = false; })`);
  await picture("1280-first", 1280, "light");

  const of = (method) => heard.filter((message) => message.method === method).map((message) => message.params);
  seen.requests = [...new Set(of("Network.requestWillBeSent").map(({ request }) => request.url))];
  seen.problems = [
    ...of("Runtime.exceptionThrown").map(({ exceptionDetails }) => exceptionDetails.exception?.description ?? exceptionDetails.text),
    ...of("Runtime.consoleAPICalled").filter(({ type }) => type === "error").map(({ args }) => JSON.stringify(args)),
    ...of("Log.entryAdded").filter(({ entry }) => ["error", "warning"].includes(entry.level)).map(({ entry }) => entry.text),
    ...of("Page.javascriptDialogOpening").map(({ message }) => `dialog: ${message}`),
  ];
  console.log(JSON.stringify(seen));

  await new Promise((resolve) => process.stdin.once("data", resolve).once("end", () => process.exit()));
  await until("the page knows that it is alone", `document.getElementById("state").textContent.includes("Connection lost")`);
  console.log(JSON.stringify(await run(SEEN)));
} finally {
  browser.kill("SIGKILL");
  await new Promise((resolve) => (browser.exitCode === null && browser.signalCode === null ? browser.on("exit", resolve) : resolve()));
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit();
}
