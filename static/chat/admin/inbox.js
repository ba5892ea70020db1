/** An inbox in the admin: shows the chat while its look is edited, and copies the lines for a site. Without it, the buttons show it. */

const EDITED = ["name", "look", "texts", "policy"];
const PAUSE_MS = 400;

const form = /** @type {HTMLFormElement|null} */ (document.querySelector("#inbox_form"));
const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll(".looks button"));
let count = 0;

/** Only what is looked at goes there, no secret that was just typed. @param {string} action */
function show(action) {
  const sent = document.createElement("form");
  Object.assign(sent, { method: "post", action, target: frame(), hidden: true });
  for (const name of ["csrfmiddlewaretoken", ...EDITED]) {
    const { value } = /** @type {HTMLInputElement} */ (form?.elements.namedItem(name));
    sent.append(Object.assign(document.createElement("textarea"), { name, value }));
  }
  document.body.append(sent);
  sent.submit();
  sent.remove();
}

/** A new one over the old one until it has loaded: nothing flickers, and "back" leads out of this page. @returns {string} its name */
function frame() {
  const old = [...document.querySelectorAll(".stage iframe")];
  const next = /** @type {HTMLIFrameElement} */ (old[0]?.cloneNode());
  next.name = `preview-${++count}`;
  next.removeAttribute("src");
  next.className = "coming";
  old.at(-1)?.after(next);
  next.addEventListener("load", () => {
    next.className = "";
    for (const each of old) each.remove();
  });
  return next.name;
}

/** @param {HTMLButtonElement} chosen */
function press(chosen) {
  for (const each of buttons) each.ariaPressed = String(each === chosen);
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const text = /** @type {HTMLTextAreaElement} */ (document.getElementById(button.dataset.copies ?? ""));
  const said = /** @type {Element} */ (button.nextElementSibling);
  text.select();
  try {
    await navigator.clipboard.writeText(text.value);
    said.textContent = "Copied.";
  } catch {
    said.textContent = "Selected: copy it with the keyboard."; // The browser gives the clipboard to https pages only.
  }
}

if (form && buttons[0]) {
  let timer = 0;
  let chosen = buttons[0];
  press(chosen);
  for (const button of buttons) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      press((chosen = button));
      show(button.formAction);
    });
  }
  form.addEventListener("input", ({ target }) => {
    if (!EDITED.includes(/** @type {HTMLInputElement} */ (target).name)) return;
    clearTimeout(timer);
    timer = window.setTimeout(() => show(chosen.formAction), PAUSE_MS);
  });
}
for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copies]"))) {
  button.hidden = false;
  button.addEventListener("click", () => void copy(button));
}
