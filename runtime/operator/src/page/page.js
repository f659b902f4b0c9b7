// The page shows what `patterns` answers. Everything in it may be a stranger's text: it becomes text nodes and nothing else.
"use strict";

(() => {
  const EVERY = 5000;
  const GIVE_UP = 10000;
  // More patterns than this begin closed, unless they need somebody.
  const FEW = 6;
  const STATES = ["Broken", "Degraded", "Waiting", "Ready"];

  const place = (id) => document.getElementById(id);
  const chosen = { state: "", words: [] };
  // What each pattern was drawn from.
  const drawn = new Map();
  let newest = null;
  let timer = 0;
  let busy = false;

  // Nodes ------------------------------------------------------------------------------------------------------------

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      node.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
  }

  // Makes `now` what `next` is and leaves alone what is the same, so that focus, selection and what was opened stay.
  function become(now, next) {
    for (const { name } of [...now.attributes]) {
      if (name !== "open" && !next.hasAttribute(name)) now.removeAttribute(name);
    }
    for (const { name, value } of [...next.attributes]) {
      if (name !== "open" && now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
    const keyed = new Map();
    for (const child of now.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
    let at = now.firstChild;
    for (const wanted of [...next.childNodes]) {
      const key = wanted.dataset && wanted.dataset.key;
      const free = at && !(at.dataset && at.dataset.key) ? at : null;
      const known = key ? keyed.get(key) : free;
      if (!known || known.nodeName !== wanted.nodeName) {
        now.insertBefore(wanted, at);
        continue;
      }
      if (known === at) at = at.nextSibling;
      else now.insertBefore(known, at);
      if (known.nodeType === Node.TEXT_NODE) {
        if (known.data !== wanted.data) known.data = wanted.data;
      } else if ("same" in wanted.dataset) {
        known.hidden = wanted.hidden;
      } else {
        become(known, wanted);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  const fill = (node, ...children) => become(node, make(node.tagName, attributesOf(node), ...children));
  const attributesOf = (node) => Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]));

  function say(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // Words ------------------------------------------------------------------------------------------------------------

  const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
  const two = (number) => String(number).padStart(2, "0");

  function clock(text) {
    const time = new Date(text);
    if (Number.isNaN(time.getTime())) return text;
    const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
    const hour = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
    return time.toDateString() === new Date().toDateString() ? hour : `${day} ${hour}`;
  }

  const stateOf = (pattern) => (STATES.includes(pattern.health.state) ? pattern.health.state : "Waiting");
  const sum = (pattern, what) => pattern.entries.reduce((all, entry) => all + what(entry), 0);
  const mark = (state) => make("span", { class: "mark", "data-state": state, "aria-hidden": "true" });

  // Tables keep their roles where a narrow screen shows their cells as lines.
  function table(kind, caption, heads, rows) {
    const cell = (content, at) => {
      const attributes = { "data-label": heads[at], role: at ? "cell" : "rowheader", scope: at ? null : "row" };
      return make(at ? "td" : "th", attributes, make("span", {}, content));
    };
    return make("table", { class: kind, role: "table" },
      make("caption", {}, caption),
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" },
        heads.map((head) => make("th", { scope: "col", role: "columnheader" }, head)))),
      make("tbody", { role: "rowgroup" }, rows.map((row) => make("tr", { role: "row" }, row.map(cell)))));
  }

  // One pattern ------------------------------------------------------------------------------------------------------

  function resources({ total, ready, failed }) {
    if (!total) return "none";
    const help = failed ? `, ${failed} ${failed === 1 ? "needs" : "need"} help` : "";
    return `${ready} of ${total} ready${help}`;
  }

  function kinds(pattern) {
    const heads = ["Kind", "Versions", "Resources", "Queue", "At work", "Reconciles"];
    const rows = pattern.entries.map((entry) => [
      [make("b", {}, entry.kind), " ", make("span", { class: "faint wrap" }, entry.group)],
      entry.versions.join(", "),
      resources(entry.resources),
      entry.queue,
      `${entry.active} of ${entry.workers}`,
      done(entry.reconciles),
    ]);
    return table("reconciled", "What it reconciles", heads, rows);
  }

  function done({ success, requeueAfter, error }) {
    const again = requeueAfter ? [`${requeueAfter} to be continued`] : [];
    return [`${success} succeeded`, ...again, `${error} failed`].join(", ");
  }

  function errors(pattern) {
    const all = pattern.entries.flatMap((entry) => entry.errors.map((error) => ({ ...error, kind: entry.kind })));
    all.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
    if (!all.length) return null;
    const line = (error) => make("li", {},
      make("p", { class: "line" },
        make("time", { datetime: error.time, class: "faint number" }, clock(error.time)), " ",
        make("b", { class: "reason" }, error.reason), " ",
        make("span", { class: "wrap" }, `${error.kind} ${error.resource}`),
        error.count > 1 ? [" ", make("span", { class: "faint" }, `${error.count} times`)] : null),
      make("p", { class: "wrap said" }, error.message));
    return make("section", { class: "part" }, make("h4", {}, "Last errors"), make("ol", { class: "errors" }, all.map(line)));
  }

  function capabilities(pattern) {
    const line = ({ name, granted, reasons }) => make("li", {},
      make("code", { class: "wrap" }, name), " ",
      make("span", { class: "tag", "data-granted": String(granted) }, granted ? "granted" : "denied"),
      reasons.map((reason) => make("span", { class: "faint wrap block" }, reason)));
    const none = make("p", { class: "faint" }, "Nothing: it can compute, and that is all.");
    const list = pattern.capabilities.length ? make("ul", { class: "plain" }, pattern.capabilities.map(line)) : none;
    return make("section", { class: "part" }, make("h4", {}, "Asks for"), list);
  }

  function origin(pattern) {
    const { component, manifest, hook } = pattern.digests;
    const hooked = pattern.entries.filter((entry) => entry.hookPoints.length);
    const points = hooked.map((entry) => `${entry.kind}: ${entry.hookPoints.join(", ")}`).join("; ");
    const account = pattern.account || "none: it acts as this process";
    const lines = [["From", pattern.from], ["Component", component], ["Artifact", manifest], ["Hook", hook], ["Called at", points], ["Account", account]];
    const rows = lines.filter(([, value]) => value);
    return make("section", { class: "part" }, make("h4", {}, "What it is"),
      make("dl", { class: "facts" }, rows.map(([name, value]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, make("code", { class: "wrap" }, value))))));
  }

  function rights(pattern) {
    const shown = ({ group, resource }) => [make("b", {}, resource), group ? [" ", make("span", { class: "faint wrap" }, group)] : null];
    const rows = pattern.rights.map((right) => [
      shown(right),
      right.verbs.join(", "),
      right.scope === "cluster" ? "the whole cluster"
        : right.scope.named ? `namespace ${right.scope.named}` : "namespaces of its resources",
      right.names.join(", ") || "all",
      make("ul", { class: "plain" }, right.reasons.map((reason) => make("li", { class: "wrap" }, reason))),
    ]);
    const limit = pattern.account
      ? `It acts as ${pattern.account}, and needs that account to have these rights.`
      : "It acts with all rights of this process: this is what it needs, and not a limit.";
    const refused = pattern.notGiven.map((text) => make("li", { class: "wrap" }, text));
    return make("details", { class: "rights" },
      make("summary", {}, make("span", {}, "What it may touch"), " ", make("span", { class: "faint" }, count(rows.length, "rule", "rules"))),
      make("p", { class: "faint wrap" }, limit),
      rows.length ? table("granted", "Rights, as they are derived from its templates", ["Resource", "Verbs", "Where", "Names", "Why"], rows) : null,
      refused.length ? [make("p", {}, "Never given, although its templates ask for it:"), make("ul", {}, refused)] : null);
  }

  function health(pattern) {
    const { state, reason, message, mend } = pattern.health;
    if (state === "Ready" || !(message || mend)) return null;
    return make("div", { class: "health", "data-state": stateOf(pattern) },
      make("p", { class: "wrap" }, make("b", {}, reason), " ", message),
      mend ? make("p", { class: "faint wrap" }, mend) : null);
  }

  function article(pattern, key, open) {
    const state = stateOf(pattern);
    const runs = pattern.entries.length > 0;
    const all = (what) => sum(pattern, (entry) => entry.resources[what]);
    const figures = runs ? [
      all("total")
        ? make("span", {}, `${all("ready")} of ${all("total")}`, make("span", { class: "unit" }, " ready"))
        : make("span", { class: "unit" }, "no resources"),
      make("span", {}, sum(pattern, (entry) => entry.queue), make("span", { class: "unit" }, " queued")),
    ] : [];
    return make("article", { class: "pattern", "data-key": key, "data-state": state },
      make("details", { open },
        make("summary", { class: "row" },
          make("span", { class: "word" }, mark(state), state),
          make("h3", { class: "wrap" }, pattern.name),
          make("span", { class: "faint version" }, pattern.version || ""),
          make("span", { class: "faint kinds" }, pattern.entries.map((entry) => entry.kind).join(", ")),
          make("span", { class: "figures" }, figures)),
        make("div", { class: "body" },
          health(pattern),
          runs ? kinds(pattern) : null,
          errors(pattern),
          runs ? make("div", { class: "pair" }, capabilities(pattern), origin(pattern)) : null,
          runs ? rights(pattern) : null)));
  }

  // The whole page ---------------------------------------------------------------------------------------------------

  function fits(pattern) {
    if (chosen.state && stateOf(pattern) !== chosen.state) return false;
    const said = [pattern.name, pattern.from, pattern.version, ...pattern.entries.flatMap((entry) => [entry.kind, entry.group])];
    const text = said.join(" ").toLowerCase();
    return chosen.words.every((word) => text.includes(word));
  }

  function list(patterns) {
    const seen = new Map();
    const few = patterns.length <= FEW;
    const rank = (pattern) => STATES.indexOf(stateOf(pattern));
    const sorted = [...patterns].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
    const nodes = sorted.map((pattern) => {
      const times = seen.get(pattern.name) || 0;
      seen.set(pattern.name, times + 1);
      const key = `${times}/${pattern.name}`;
      const text = JSON.stringify(pattern);
      // Most of a hundred patterns are as they were five seconds ago.
      const node = drawn.get(key) === text
        ? make("article", { "data-key": key, "data-same": true })
        : article(pattern, key, few || stateOf(pattern) !== "Ready");
      drawn.set(key, text);
      node.hidden = !fits(pattern);
      return node;
    });
    const keys = new Set(nodes.map((node) => node.dataset.key));
    for (const key of drawn.keys()) if (!keys.has(key)) drawn.delete(key);
    return nodes;
  }

  function states(patterns) {
    const button = (state, word, number) =>
      make("button", { type: "button", "data-key": word, "data-choose": state, "aria-pressed": String(chosen.state === state) },
        state ? mark(state) : null, make("span", { class: "number" }, number), " ", word);
    const of = (state) => patterns.filter((pattern) => stateOf(pattern) === state).length;
    return [button("", "All", patterns.length), ...STATES.map((state) => button(state, state, of(state)))];
  }

  function summary({ runtime, patterns }) {
    const troubled = patterns.filter((pattern) => stateOf(pattern) !== "Ready").length;
    const rest = troubled ? ` ${troubled} of ${patterns.length} ${troubled === 1 ? "needs" : "need"} attention.` : "";
    const role = runtime.leads ? "Leading" : runtime.leader ? `Standing by, while ${runtime.leader} leads` : "Standing by";
    const works = runtime.shards > 1 ? `, with ${runtime.shardsHeld.length} of ${runtime.shards} shards (${runtime.shardsHeld.join(", ") || "none"})` : "";
    if (!runtime.ready) return [`${role}${works}; not ready yet.${rest}`, "Waiting"];
    return [`${role}${works}, and ready.${rest}`, troubled ? "Degraded" : "Ready"];
  }

  function show() {
    const { runtime, patterns, time } = newest;
    const [text, state] = summary(newest);
    say(place("state"), text);
    place("state").dataset.state = state;
    say(place("version"), runtime.version);
    say(place("time"), clock(time));
    place("time").setAttribute("datetime", time);
    place("waits").hidden = !runtime.waitsFor.length;
    fill(place("waits"), runtime.waitsFor.map((line) => make("li", { class: "wrap" }, line)));
    fill(place("states"), states(patterns));
    fill(place("list"), list(patterns));
    const shown = patterns.filter(fits).length;
    place("empty").hidden = shown > 0;
    say(place("empty"), patterns.length ? "No pattern is like that." : "No pattern runs here.");
    const troubled = patterns.filter((pattern) => stateOf(pattern) !== "Ready").length;
    const title = troubled ? `${troubled} ${troubled === 1 ? "needs" : "need"} attention – Orkestra` : "Orkestra";
    if (document.title !== title) document.title = title;
  }

  function lost() {
    const since = newest ? ` What is shown was so at ${clock(newest.time)}.` : "";
    say(place("state"), `Connection lost; trying again.${since}`);
    place("state").dataset.state = "Broken";
    document.title = "Connection lost – Orkestra";
  }

  async function ask() {
    const abort = new AbortController();
    const limit = setTimeout(() => abort.abort(), GIVE_UP);
    try {
      const answer = await fetch("patterns", { cache: "no-store", signal: abort.signal });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    } finally {
      clearTimeout(limit);
    }
  }

  async function look() {
    clearTimeout(timer);
    // Nobody sees it: it asks again when somebody does.
    if (busy || document.hidden) return;
    busy = true;
    const answer = await ask();
    busy = false;
    timer = setTimeout(look, EVERY);
    if (!answer) {
      lost();
      return;
    }
    newest = answer;
    show();
  }

  document.addEventListener("visibilitychange", look);
  place("find").addEventListener("input", (event) => {
    chosen.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (newest) show();
  });
  place("states").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || !newest) return;
    chosen.state = button.dataset.choose;
    show();
  });
  look();
})();
