// @ts-check
/**
 * Finding and making elements, with their types.
 *
 * @module
 */

/**
 * The element that a page must have.
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} [root]
 * @returns {T}
 */
export function find(selector, type, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} ${selector}.`);
  return found;
}

/** @param {string} selector @param {ParentNode} [root] */
export function part(selector, root = document) {
  return find(selector, HTMLElement, root);
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const child of children) if (child !== null) made.append(child);
  return made;
}

/**
 * @param {string} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {string} [look]  class names: main, plain, danger
 */
export function button(label, onClick, look = '') {
  const made = element('button', { type: 'button', class: look }, label);
  made.addEventListener('click', onClick);
  return made;
}

/**
 * A fresh copy of a template's only element.
 * @param {string} selector
 */
export function copyOf(selector) {
  const copy = find(selector, HTMLTemplateElement).content.cloneNode(true);
  const [only] = /** @type {DocumentFragment} */ (copy).children;
  return /** @type {HTMLElement} */ (only);
}

/**
 * The value of the chosen radio button.
 * @param {string} name
 */
export function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`)?.getAttribute('value') ?? null;
}

/** @param {string} name @param {string} value */
export function choose(name, value) {
  for (const each of document.querySelectorAll(`input[name="${name}"]`)) {
    if (each instanceof HTMLInputElement) each.checked = each.value === value;
  }
}

/**
 * @param {string} name
 * @param {(value: string) => void} onChoice
 */
export function onChoice(name, onChoice) {
  for (const each of document.querySelectorAll(`input[name="${name}"]`)) {
    each.addEventListener('change', () => onChoice(chosen(name) ?? ''));
  }
}
