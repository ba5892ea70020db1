import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { afterEach, test } from "node:test";

import { sentence } from "../../static/chat/frame/delivery.js";
import "../../static/chat/frame/later.js";
import { speak, voice, words } from "../../static/chat/frame/words.js";
import rest from "../../static/chat/lazy/en.js";
import first from "../../static/chat/locales/en.js";

/** @import { Entry } from "../../static/chat/frame/words.js" */
const english = both(first, rest);
const folder = new URL("../../static/chat/locales/", import.meta.url);
const languages = readdirSync(folder).map((name) => name.replace(".js", ""));
const WITHOUT_NUMBER = new Set(["none", "zero", "one", "two"]); // What these forms count, their words may say.

/** @param {string} language @returns {Promise<{[name: string]: Entry}>} */
const catalogue = async (language) => (language === "en" ? english : (await import(`${folder}${language}.js`)).default);

/** @param {any} some @param {any} more @returns {any} */
function both(some, more) {
  return { ...some, ...Object.fromEntries(Object.keys(more).map((section) => [section, { ...some[section], ...more[section] }])) };
}

/** @param {{readonly [name: string]: Entry}} part @returns {[string, string|{[form: string]: string}][]} each text, or its forms, by its path */
function texts(part, path = "") {
  return Object.entries(part).flatMap(([name, entry]) => {
    if (typeof entry === "string" || typeof entry.other === "string") return [[`${path}${name}`, /** @type {any} */ (entry)]];
    return texts(entry, `${path}${name}.`);
  });
}

/** @param {string|undefined} text */
const holes = (text) => [...String(text).matchAll(/{(\w+)}/g)].map(([, name]) => name).sort();

/** The plural categories that whole numbers have in a language. @param {string} language */
function categories(language) {
  const rules = new Intl.PluralRules(language);
  return [...new Set(["other", ...Array.from({ length: 1_000 }, (_, count) => rules.select(count))])].sort();
}

afterEach(() => {
  speak(null);
  voice.locale = undefined;
});

test("there are catalogues for at least fourteen languages, some of them right-to-left", () => {
  const wanted = ["ar", "de", "en", "es", "fa", "fr", "he", "hi", "ja", "pt-BR", "zh"];
  assert.deepEqual(wanted.filter((language) => !languages.includes(language)), []);
  assert.ok(languages.length >= 14);
});

for (const language of languages) {
  test(`${language} says everything that English says, and nothing else`, async () => {
    const [said, wanted] = [texts(await catalogue(language)), texts(english)];
    assert.deepEqual(said.map(([path]) => path).sort(), wanted.map(([path]) => path).sort());
  });

  test(`${language} fills the same holes, and has the forms that its numbers need`, async () => {
    const said = Object.fromEntries(texts(await catalogue(language)));
    for (const [path, wanted] of texts(english)) {
      const text = said[path];
      if (typeof wanted === "string") {
        assert.equal(typeof text, "string", path);
        assert.deepEqual(holes(String(text)), holes(wanted), path);
        continue;
      }
      assert.ok(text && typeof text === "object", path);
      const counts = "one" in wanted;
      const expected = [...("none" in wanted ? ["none"] : []), ...(counts ? categories(language) : ["other"])];
      assert.deepEqual(Object.keys(text).sort(), expected.sort(), path);
      for (const [name, each] of Object.entries(text)) {
        const same = holes(wanted[name] ?? wanted.other);
        assert.ok(WITHOUT_NUMBER.has(name) ? holes(each).every((hole) => same.includes(hole)) : String(holes(each)) === String(same), `${path}.${name}`);
      }
    }
  });

  test(`${language} is plain: no exclamation marks, no markup, nothing empty`, async () => {
    for (const [path, entry] of texts(await catalogue(language))) {
      for (const text of typeof entry === "string" ? [entry] : Object.values(entry)) {
        assert.match(text, /^[^!！¡<>]+$/, path);
        assert.equal(text, text.trim(), path);
        assert.equal(text, text.normalize(), path);
      }
    }
  });

  test(`${language} can be read by the server, too: between its parentheses there is JSON`, async () => {
    const files = language === "en" ? ["en.js", "../lazy/en.js"] : [`${language}.js`];
    const found = files.map((name) => readFileSync(new URL(name, folder), "utf8")).map((text) => JSON.parse(text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"))));
    assert.deepEqual(found.reduce(both), await catalogue(language));
  });
}

test("English numbers and names", () => {
  assert.equal(words.over(1), "1 character too long");
  assert.equal(words.over(1_200), "1,200 characters too long");
  assert.equal(words.typing("Gus"), "Gus is typing");
  assert.equal(words.typing(""), "Typing");
  assert.equal(words.jump(0), "Newest");
  assert.equal(words.header.speaking("Gus"), "You are talking to Gus");
});

test("each language has plurals and digits of its own", async () => {
  speak(await catalogue("pl"), { locale: "pl" });
  assert.deepEqual([1, 3, 5, 22].map((count) => words.over(count)), ["1 znak za dużo", "3 znaki za dużo", "5 znaków za dużo", "22 znaki za dużo"]);
  speak(await catalogue("ar"), { locale: "ar-EG", rtl: true });
  assert.equal(words.over(2), "حرفان زائدان");
  assert.equal(words.over(5), "٥ أحرف زائدة");
  speak(await catalogue("ja"), { locale: "ja" });
  assert.equal(words.jump(3), "新着3件");
});

test("in a line that runs the other way a name keeps to itself", async () => {
  speak(await catalogue("he"), { locale: "he", rtl: true });
  assert.equal(words.typing("Gus (HQ)"), "\u2068Gus (HQ)\u2069 מקליד/ה");
});

test("what a catalogue lacks is said in English, and what it has too much, or of another kind, not at all", () => {
  const poor = { send: "Los", header: "flat", over: "flat", typing: { other: "{name} tippt" }, message: { other: "x" }, extra: "x" };
  speak(poor, { locale: "de" });
  assert.equal(words.send, "Los");
  assert.equal(words.close, "Close chat");
  assert.equal(words.header.plain, english.header.plain);
  assert.equal(words.over(2), "2 characters too long");
  assert.equal(words.typing(""), " tippt");
  assert.equal(words.message, "Message");
  assert.equal("extra" in words, false);
});

test("an inbox has words of its own, whatever the language", async () => {
  const own = { greeting: "Moin.", "header.plain": "Wir sind bald da.", "header.speaking": "Hier ist {name}", left: "{count} übrig", "no.such": "x" };
  speak(await catalogue("de"), { locale: "de", texts: own });
  assert.equal(words.greeting, "Moin.");
  assert.equal(words.header.plain, "Wir sind bald da.");
  assert.equal(words.header.speaking("Gus"), "Hier ist Gus");
  assert.equal(words.left(3), "3 übrig");
  assert.equal(words.send, "Senden");
});

test("a reason is told in the visitor's language where it has a name, else as the server put it", async () => {
  const failed = (/** @type {string} */ reason) => sentence({ word: "failed", reason, actions: [] });
  speak(await catalogue("fr"), { locale: "fr" });
  assert.equal(failed(words.reasons.not_accepted), "Non envoyé : Il n’a pas été accepté.");
  assert.equal(failed(""), "Non envoyé");
});
