/** DOM in few words. Text only ever becomes text nodes. */

/** An element; `onclick` and the like are listeners, the rest attributes, absent when null, undefined or false. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function set(element, name, value) {
  const absent = value === null || value === undefined || value === false;
  if (absent) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** A link out of the desk; `href` has been through `safeUrl`. */
export function link(className, href, ...children) {
  return h("a", { class: className, href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Text that is only written when it differs, so that a selection in it survives. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps the children of `parent` in step with `blocks`: `{key, deps, make}`. A child is made anew only when one of its
 * `deps` is another value; focus inside it moves to the same-named control of its successor.
 */
export function keyed(parent) {
  let held = new Map();
  return (blocks) => {
    const kept = new Map(blocks.map((block) => [block.key, refreshed(block, held.get(block.key))]));
    for (const [key, { element }] of held) if (!kept.has(key)) element.remove();
    held = kept;
    let place = parent.firstChild;
    for (const { element } of kept.values()) {
      if (element === place) place = place.nextSibling;
      else parent.insertBefore(element, place);
    }
  };
}

function refreshed({ deps, make }, before) {
  if (before && before.deps.every((value, index) => value === deps[index])) return before;
  const element = make();
  if (before) handOver(before.element, element);
  return { element, deps };
}

function handOver(old, element) {
  const focused = document.activeElement;
  const hadFocus = old.contains(focused);
  const label = focused?.getAttribute("aria-label");
  old.replaceWith(element);
  if (!hadFocus) return;
  const heir = old === focused ? element : label && element.querySelector(`[aria-label="${CSS.escape(label)}"]`);
  if (heir) heir.focus();
}

/** The address when it is safe to follow, else null. */
export function safeUrl(text) {
  try {
    const url = new URL(text, location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
