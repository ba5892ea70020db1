/**
 * Between the composer and the client: drafts, the questions before the first message, suggestions, and what came back
 * because its file is gone.
 *
 * @import { ChatClient } from "../client.js"
 * @import { State, UnsentFile } from "../state.js"
 * @import { Config } from "../wire.js"
 * @import { ChatComposer } from "./elements/chat-composer.js"
 * @import { FirstQuestions } from "./composer/first-questions.js"
 * @import { Typist } from "./typist.js"
 */
import { viewed } from "../selectors.js";
import { ANSWERED } from "../session.js";
import { Drafts } from "./drafts.js";
import { part } from "./lazy.js";
import { words } from "./words.js";

export class Composing {
  /** @type {FirstQuestions|null} */ #questions = null;
  /** @type {string|null} */ #contact = null;
  /** Grows when somebody else takes the seat: nothing that was meant to go is theirs. */ #seating = 0;
  #typed = false;
  /** @type {Set<string>} messages for which consent was asked again */ #again = new Set();

  /**
   * @param {{client: ChatClient, config: Config, composer: ChatComposer, typist: Typist, sending: () => void,
   *   ready: () => Promise<unknown>|null}} options `ready`: null once a message can be shown; until then none leaves the field
   */
  constructor({ client, config, composer, typist, sending, ready }) {
    this.client = client;
    this.config = config;
    this.composer = composer;
    this.typist = typist;
    this.sending = sending;
    this.ready = ready;
    this.drafts = new Drafts(client.storage);
    this.asked = JSON.stringify(config.ask);
  }

  start() {
    const { client, composer, config } = this;
    composer.equip({ limits: config.limits, styles: config.styles, modules: config.modules, uploads: () => this.#uploads() });
    if (!client.session.person) this.#open(); // Theirs is for them alone: it is not known yet who this is.
    client.on("person", () => this.#seated());
    client.on("change", ({ state }) => this.#changed(state));
    client.on("change", ({ state, before }) => void (state.unsent !== before.unsent && this.#refused(state)));
    client.on("stranded", () => this.#salvage());
    composer.addEventListener("chat-send", (event) => this.#send(/** @type {CustomEvent} */ (event)));
    composer.addEventListener("chat-wrote", () => this.#wrote());
  }

  /** Where nobody sat before and nobody has signed in or left, what is being written goes on. */
  #seated() {
    const { seat, session } = this.client;
    const goesOn = this.#contact === null && seat.contact !== null && !session.person;
    this.#contact = seat.contact;
    if (goesOn) return;
    this.#seating += 1;
    this.#questions?.drop();
    this.#open();
  }

  #open() {
    this.#show(this.drafts.open());
    this.#choose(this.drafts.of);
  }

  /** Whoever writes has chosen where: nothing turns the thread under them. @param {string|null|undefined} conversation */
  #choose(conversation) {
    const { client, composer } = this;
    if (conversation && conversation !== client.state.shown && (composer.text || composer.files.length)) client.view(conversation);
  }

  /** A question of the inbox's was chosen: that is a message. What is being written stays. @param {string} text */
  suggest(text) {
    if (this.#asks) void this.#afterQuestions(() => this.#out(text, []));
    else this.#out(text, []);
  }

  /** @returns {boolean} whether something has to be asked before the first message */
  get #asks() {
    const { client, config } = this;
    return !!config.ask && !client.state.conversations.size && client.storage.get(ANSWERED) !== this.asked;
  }

  /** @param {CustomEvent<{text: string, files: readonly UnsentFile[]}>} event */
  #send(event) {
    const submit = () => this.composer.submit();
    const ready = this.ready();
    if (ready || this.#asks) {
      event.preventDefault();
      void (ready ? this.#afterLoading(ready, event.detail) : this.#afterQuestions(submit));
      return;
    }
    this.drafts.save({ text: "", files: [] });
    this.#out(event.detail.text, event.detail.files);
  }

  /** What was meant to go goes, unless somebody has written on, or somebody else sits here. @param {Promise<unknown>} ready @param {{text: string}} meant */
  async #afterLoading(ready, { text }) {
    const seating = this.#seating;
    await ready;
    if (seating === this.#seating && this.composer.meant === text) this.composer.submit();
  }

  /** @param {string} text @param {readonly UnsentFile[]} files */
  #out(text, files) {
    this.typist.stopped();
    if (this.config.resolved === "new" && viewed(this.client.state)?.status === "resolved") this.client.begin();
    this.sending();
    this.client.send(text, files);
  }

  /** @param {() => void} act */
  async #afterQuestions(act) {
    const { client, config, composer } = this;
    try {
      const { FirstQuestions } = await part("questions", () => import("./composer/first-questions.js"), config);
      this.#questions ??= new FirstQuestions({ client, ask: /** @type {NonNullable<Config["ask"]>} */ (config.ask), composer });
      if (!(await this.#questions.answered())) return;
    } catch {
      return composer.remark(words.questions.unreachable);
    }
    client.storage.set(ANSWERED, this.asked);
    this.#release();
    act();
  }

  /** The server knows of no consent, or of another version's: it asks for nothing else. @param {State} state */
  #refused({ unsent }) {
    for (const { echo_id, refused } of unsent) {
      if (refused?.code !== "consent_required" || !this.config.ask || this.#again.has(echo_id)) continue;
      this.#again.add(echo_id);
      this.client.storage.remove(ANSWERED);
      const asked = this.#afterQuestions(() => this.client.retry(echo_id));
      void asked.then(() => this.#asks && this.#again.delete(echo_id)); // Not now: the next try asks once more.
    }
  }

  async #uploads() {
    const uploads = await this.client.filing.load();
    uploads.held = this.#asks;
    return uploads;
  }

  /** @param {State} state */
  #changed(state) {
    this.#release();
    if (!state.loaded) return;
    const id = viewed(state)?.id;
    const carry = !state.begins && id !== state.shown;
    const draft = this.drafts.turn(id ?? null, { carry });
    if (draft && !(carry && this.#typed && this.composer.text)) this.#show(draft); // Another page's is no reason to lose this one's.
    this.#choose(id);
  }

  #release() {
    const { uploads } = this.client.filing;
    if (!uploads?.held || this.#asks) return;
    uploads.held = false;
    uploads.wake();
  }

  /** @param {import("./drafts.js").Draft} draft */
  #show({ text, files }) {
    this.#typed = false;
    if (this.composer.text !== text) this.composer.text = text; // Else the caret stays where it is.
    const here = files.filter((file) => this.#isHere(file));
    if (here.length || this.composer.files.length) void this.composer.showFiles(here);
    this.#tellGone(files);
  }

  /** @param {UnsentFile} file @returns {boolean} whether the server or this page has it */
  #isHere({ key, id }) {
    return id !== null || !!this.client.filing.uploads?.get(key);
  }

  #salvage() {
    const gone = this.client.filing.takeStranded();
    const texts = new Set([...gone.map(({ text }) => text), this.composer.text]); // It may stand here as a draft already.
    this.composer.text = [...texts].filter(Boolean).join("\n\n");
    const files = gone.flatMap((unsent) => unsent.files ?? []);
    const here = files.filter((file) => this.#isHere(file));
    if (here.length) void this.composer.showFiles([...this.composer.files, ...here]);
    this.#tellGone(files);
    this.#wrote();
  }

  /** @param {readonly UnsentFile[]} files */
  #tellGone(files) {
    const gone = files.filter((file) => !this.#isHere(file));
    if (gone.length) this.composer.remark(words.composer.gone(gone.map(({ name }) => name).join(", ")));
  }

  #wrote() {
    this.#typed = true;
    this.#choose(viewed(this.client.state)?.id);
    this.keep();
    this.typist.wrote(this.composer.text);
  }

  /** Also when the page goes: meanwhile another one may have written its own draft over this one's. */
  keep() {
    const { text, files } = this.composer;
    if (this.#typed) this.drafts.save({ text, files: [...files] });
  }
}
