// Looks things up in files that are found by hash, and shows them. Whatever comes from a log is put in as text.
"use strict";

// --- files ----------------------------------------------------------------------------------------------------------

const files = new Map(); // name -> promise of its content; null: there is none
const waiting = new Map();

/** What a data file calls: its name, and what it holds. */
function nightjar(name, content) {
  waiting.get(name)?.(content);
}

/** The content of data/<version>/<name>.js; null where there is no such file. */
function load(name) {
  if (!files.has(name)) {
    files.set(name, new Promise((resolve) => {
      const script = document.createElement("script");
      waiting.set(name, resolve);
      script.src = `data/${document.body.dataset.version}/${name}.js`;
      script.onload = () => { resolve(null); script.remove(); };
      // there is no such file, or it could not be read, which the next look may: that is not kept
      script.onerror = () => { files.delete(name); script.onload(); };
      document.head.append(script);
    }));
  }
  return files.get(name);
}

/** The file of a kind that a key is in; null where nothing of the kind can be looked up, or there is none. */
async function fileOf(kind, key) {
  const digits = Number(document.body.dataset[kind]);
  return digits ? load(`${kind}/${md5(key).slice(0, digits)}`) : null;
}

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, n) => Math.floor(Math.abs(Math.sin(n + 1)) * 2 ** 32));

/** MD5 of a text in UTF-8, as hexadecimal digits (RFC 1321): it says which file, and protects nothing. */
function md5(text) {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, bytes.length * 8, true);
  const sum = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < padded.length; at += 64) {
    let [a, b, c, d] = sum;
    for (let n = 0; n < 64; n++) {
      const round = n >> 4;
      const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
      const word = view.getUint32(at + 4 * ([n, 5 * n + 1, 3 * n + 5, 7 * n][round] % 16), true);
      const turned = (a + mixed + SINES[n] + word) | 0;
      const shift = SHIFTS[4 * round + (n % 4)];
      [a, d, c, b] = [d, c, b, (b + ((turned << shift) | (turned >>> (32 - shift)))) | 0];
    }
    [a, b, c, d].forEach((value, n) => { sum[n] = (sum[n] + value) | 0; });
  }
  const out = new DataView(new ArrayBuffer(16));
  sum.forEach((value, n) => out.setInt32(4 * n, value, true));
  return Array.from(new Uint8Array(out.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- finding --------------------------------------------------------------------------------------------------------

const UNPARTED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const UNPARTED_RUN = new RegExp(`(?:${UNPARTED.source})+`, "gu");
const SHORT = 3;
const FOUND = 12;

/** A text's words as sql/site/words.sql reads them: without marks and case. */
function words(text) {
  const plain = text.normalize("NFD").replace(/\p{Mn}|\p{Mc}|\p{Me}/gu, "").normalize("NFC").toLowerCase();
  return plain.replace(UNPARTED_RUN, " $& ").match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The key whose file has all titles with a word that begins like this one. */
function keyOf(word) {
  const letters = [...word];
  return letters.slice(0, UNPARTED.test(word) && letters.length > 1 ? 2 : SHORT).join("");
}

/** Whether a title's words have all that is asked for: their beginnings; of few letters, by which no file is found, all. */
function has(title, asked) {
  const there = words(title), few = asked.every((typed) => [...typed].length < SHORT);
  const fits = (word, typed) => {
    if (UNPARTED.test(typed)) return [...typed].length > 1 ? word.includes(typed) : word === typed;
    return few ? word === typed : word.startsWith(typed);
  };
  return asked.every((typed) => there.some((word) => fits(word, typed)));
}

/** Items whose title or id has all words: [item_id, title, users who see it], the most seen first. */
async function titled(asked) {
  const longest = asked.reduce((a, b) => ([...b].length > [...a].length ? b : a), "");
  if (!longest) return [];
  const rows = (await fileOf("titles", keyOf(longest))) ?? [];
  return rows.filter(([id, title]) => has(`${title} ${id}`, asked));
}

/** A user as a file has it, with the file's items and reasons. */
async function userOf(id) {
  const [items, reasons, users] = (await fileOf("users", id)) ?? [[], [], []];
  const found = users.find(([user]) => user === id);
  return found && { items, reasons, found };
}

const queryOf = async (query) => ((await fileOf("queries", query)) ?? []).find(([asked]) => asked === query);
const itemOf = async (id) => ((await fileOf("items", id)) ?? []).find(([item]) => item === id);

// --- showing --------------------------------------------------------------------------------------------------------

/** An element with attributes and children; texts stay texts. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat().filter((child) => child !== null && child !== ""));
  return made;
}

const bdi = (text) => el("bdi", {}, text);
const soft = (...children) => el("div", { class: "soft" }, ...children);
const link = (kind, id, text) => el("a", { href: `look.html#${kind}=${encodeURIComponent(id)}` }, bdi(text));
const number = (value) => value.toLocaleString("en");
const percent = (value) => `${(100 * value).toPrecision(2)}\u00a0%`;

/** A part of the page; null where it has nothing. */
function section(title, said, ...content) {
  const parts = content.flat().filter(Boolean);
  return parts.length ? el("section", {}, el("h2", {}, title), said ? el("p", { class: "soft" }, said) : null, parts) : null;
}

function inOrder(lists) {
  const order = (document.body.dataset.surfaces ?? "").split(" ");
  const place = ([surface]) => (order.indexOf(surface) + 1 || order.length + 1);
  return [...lists].sort((a, b) => place(a) - place(b));
}

function showUser({ items, reasons, found }) {
  const [id, segment, categories, events, last, lists] = found;
  const known = [segment && `${segment}`, events && `${number(events)} events`, last && `last on ${last}`].filter(Boolean);
  return [
    el("p", { class: "soft" }, "User"),
    el("h1", {}, bdi(id)),
    el("p", {}, known.join(", ")),
    categories.length ? el("p", { class: "soft" }, "mostly ", categories.map((c, n) => [n ? ", " : "", bdi(c)]).flat()) : null,
    el("div", { class: "pair" }, inOrder(lists).map(([surface, rows]) => section(surface, "", el("ol", {}, rows.map(
      ([item, score, reason, policy]) => el("li", {}, link("item", ...items[item]),
        soft(bdi(reasons[reason]), ` · ${percent(score)}`, policy && policy !== "best" ? ` · drawn (${policy})` : "")),
    ))))),
    el("p", { class: "soft small" }, "The percentage is the probability that the user acts on the item within the horizon."),
  ];
}

function showItem(item) {
  const [id, title, category, price, currency, kind, since, available, like, shown, sources, reasons, popular, audiences] = item;
  const known = [
    ["id", bdi(id)], ["category", category && bdi(category)], ["price", price === null ? "" : `${number(price)} ${currency}`],
    ["kind", kind && bdi(kind)], ["known since", since], ["can be shown", available === null ? "" : available ? "yes" : "no"],
  ].filter(([, value]) => value);
  const rows = (list, of) => (list.length ? el("ol", {}, list.map((row) => el("li", {}, of(row)))) : null);
  const k = document.body.dataset.k;
  return [
    el("p", { class: "soft" }, "Item"),
    el("h1", {}, bdi(title)),
    el("dl", {}, known.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]).flat()),
    el("div", { class: "pair" },
      section("Who sees it", shown.length ? "" : `Nobody among their first ${k}.`,
        shown.length ? el("ul", {}, inOrder(shown).map(([surface, users, rank]) =>
          el("li", {}, `${number(users)} users among their first ${k} of ${surface}, at rank ${rank} on average`))) : el("p"),
        popular.length ? el("p", {}, "Popular: ", popular.map(([segment, rank], n) =>
          [n ? ", " : "", `rank ${rank} of `, bdi(segment)]).flat()) : null),
      section("Why", "", rows(reasons, ([reason, times]) => [bdi(reason), soft(`${number(times)} times`)]),
        sources.length ? el("p", { class: "soft" }, "Ranked best by ", sources.map(([source, times]) =>
          `${source} (${number(times)})`).join(", ")) : null),
      section("Similar items", "", rows(like, ([other, name, score]) => [link("item", other, name), soft(score.toFixed(3))])),
      audiences.map(([name, users]) => section(`Audience ${name}`, "The users most likely to act on it.",
        rows(users, (user) => link("user", user, user))))),
  ];
}

function showQuery([query, rows]) {
  return [
    el("p", { class: "soft" }, "Query"),
    el("h1", {}, bdi(query)),
    section("Answers", "With the share of its choices that each can expect.",
      el("ol", {}, rows.map(([id, title, share]) => el("li", {}, link("item", id, title), soft(percent(share)))))),
  ];
}

const SHOWN = { user: [userOf, showUser], item: [itemOf, showItem], query: [queryOf, showQuery] };

let showing = 0;

/** Show what the address names; nothing: the start of the page. */
async function show() {
  const view = document.getElementById("view"), mine = ++showing;
  if (!view) return;
  const [kind, , id] = location.hash.slice(1).match(/^(\w+)(=)(.*)$/s)?.slice(1) ?? [];
  const known = Object.hasOwn(SHOWN, kind) ? SHOWN[kind] : null;
  document.getElementById("start").hidden = Boolean(known);
  view.hidden = !known;
  if (!known) return;
  const asked = decoded(id);
  const found = await known[0](asked);
  if (mine !== showing) return; // the address is another one meanwhile
  view.replaceChildren(...(found ? known[1](found).filter(Boolean)
    : [el("h1", {}, "Nothing found"), el("p", {}, `This run has no ${kind} `, bdi(asked), ".")]));
  view.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// --- asking ---------------------------------------------------------------------------------------------------------

let asking = 0;

/** What fits the text in the search box: [kind, id, what is said]. */
async function fitting(text) {
  const asked = words(text);
  const spelled = [...new Set([text, text.trim(), text.trim().normalize("NFC")])].filter(Boolean);
  const query = text.trim().normalize("NFC").toLowerCase().replace(/\s+/g, " ");
  const [items, answers, ...users] = await Promise.all([titled(asked), query ? queryOf(query) : null, ...spelled.map(userOf)]);
  const ids = users.filter(Boolean).map(({ found }) => found[0]);
  return [
    ...ids.map((id) => ["user", id, ["User ", bdi(id)]]),
    ...(answers ? [["query", query, ["Query ", bdi(query)]]] : []),
    ...items.slice(0, FOUND).map(([id, title, users]) => ["item", id,
      [bdi(title), users ? el("span", { class: "soft small" }, ` · ${number(users)} users see it`) : ""]]),
    ...(items.length > FOUND ? [["", "", [`${number(items.length - FOUND)} more: type on`]]] : []),
  ];
}

async function ask() {
  const box = document.getElementById("find"), list = document.getElementById("found"), mine = ++asking;
  const found = box.value.trim() ? await fitting(box.value) : [];
  if (mine !== asking) return; // something else was typed meanwhile
  const rows = found.map(([kind, id, said]) => el("li", {}, kind
    ? el("a", { href: `look.html#${kind}=${encodeURIComponent(id)}` }, said) : el("p", { class: "note soft" }, said)));
  const short = words(box.value).every((word) => [...word].length < (UNPARTED.test(word) ? 2 : SHORT));
  const nothing = el("li", {}, el("p", { class: "note soft" }, short ? "Nothing yet: type on" : "Nothing found"));
  list.replaceChildren(...(rows.length ? rows : [nothing]));
  list.hidden = !box.value.trim();
}

function close() {
  asking++;
  document.getElementById("found").hidden = true;
}

function keys(event) {
  const box = document.getElementById("find"), list = document.getElementById("found");
  const ways = [...list.querySelectorAll("a")];
  const at = ways.indexOf(document.activeElement);
  if (event.key === "/" && document.activeElement !== box) {
    box.focus();
  } else if (event.key === "Escape") {
    close();
    box.focus();
  } else if (!list.hidden && event.key === "ArrowDown" && at + 1 < ways.length) {
    ways[at + 1].focus();
  } else if (!list.hidden && event.key === "ArrowUp" && at >= 0) {
    (ways[at - 1] ?? box).focus();
  } else {
    return;
  }
  event.preventDefault();
}

if (typeof document !== "undefined") {
  const box = document.getElementById("find"), list = document.getElementById("found");
  box.addEventListener("input", ask);
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask().then(() => list.querySelector("a")?.click());
  });
  list.addEventListener("click", (event) => { if (event.target.closest("a")) { close(); box.value = ""; } });
  document.addEventListener("keydown", keys);
  document.querySelector(".skip").addEventListener("click", (event) => { // the address says what is looked at
    event.preventDefault();
    document.getElementById("main").focus();
  });
  document.addEventListener("click", (event) => { if (!box.form.contains(event.target)) close(); });
  addEventListener("hashchange", show);
  show();
}
