// Makes elements. Texts become text nodes, never markup, so that names and payloads of records can't run anything.

const SVG = 'http://www.w3.org/2000/svg';

export const el = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);

// The same of a picture.
export const drawn = (tag, attributes = {}, ...children) => make(document.createElementNS(SVG, tag), attributes, children);

function make(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'class') made.setAttribute('class', value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  add(made, children);
  return made;
}

function add(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// What had the focus and is made anew has it again, known by its data-key.
export function fill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren();
  add(parent, children);
  if (focused) [...parent.querySelectorAll('[data-key]')].find(each => each.dataset.key === focused)?.focus({ preventScroll: true });
}

// Sets a text only if it differs: a selection in it stays.
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
