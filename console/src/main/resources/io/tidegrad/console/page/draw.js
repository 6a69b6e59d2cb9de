// A canvas to draw an image of few pixels on, with a pointer or with keys. What is drawn becomes as large and lies where the
// images that the model learns do, as far as these are alike.

import { el } from './dom.js';

const FINE_SIDE = 224; // pixels of the drawing along the longer side, about
const PEN = 2.6; // width of a line, in pixels of the image; that of the digits that people write with a pen
const INK_MIN = 0.15; // of the fullest: fainter pixels are no part of what is drawn

// Where the ink of an image lies: the longer side of its box, and its centre of mass; null of an empty one.
export function measure(values, width, height, ink) {
  let [left, right, top, bottom, sum, x, y] = [width, -1, height, -1, 0, 0, 0];
  for (let at = 0; at < width * height; at++) {
    const value = values[at] / ink;
    if (!(value > INK_MIN)) continue;
    const [column, row] = [at % width, Math.floor(at / width)];
    left = Math.min(left, column);
    right = Math.max(right, column);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    sum += value;
    x += value * (column + 0.5);
    y += value * (row + 0.5);
  }
  return sum === 0 ? null : { left, top, side: Math.max(right - left, bottom - top) + 1, x: x / sum, y: y / sum };
}

// How images are framed that are all of one size and around one centre: { side, x, y }; null if they are not alike.
export function frame(images, width, height, ink) {
  const found = images.map(image => measure(image, width, height, ink)).filter(Boolean);
  if (found.length < 5) return null;
  const spread = name => {
    const values = found.map(each => each[name]);
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
    return { mean, deviation: Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length) };
  };
  const [side, x, y] = [spread('side'), spread('x'), spread('y')];
  const most = 0.06 * Math.max(width, height);
  return [side, x, y].every(each => each.deviation <= most) ? { side: side.mean, x: x.mean, y: y.mean } : null;
}

export class Drawing {
  // of: { name, width, height, ink }; changed: told after each change
  constructor(of, changed) {
    this.of = of;
    this.changed = changed;
    this.strokes = [];
    this.image = null; // an image that is shown as it is, until something is drawn
    this.frame = null;
    this.at = { x: of.width / 2, y: of.height / 2 }; // of the keyboard's pen
    this.zoom = Math.max(2, Math.round(FINE_SIDE / Math.max(of.width, of.height))); // pixels of the drawing in one of the image
    this.fine = el('canvas', { width: of.width * this.zoom, height: of.height * this.zoom });
    this.canvas = el('canvas', {
      class: 'paper', tabindex: '0', role: 'application', width: this.fine.width, height: this.fine.height,
      'aria-label': `${of.name}: draw with a pointer, or with the arrow keys while Shift is held. Space makes a dot, Delete clears.`,
      onpointerdown: event => this.down(event), onpointermove: event => this.move(event), onpointerup: () => this.up(),
      onpointercancel: () => this.up(), onkeydown: event => this.key(event), onblur: () => this.paint(),
    });
    this.seen = el('canvas', {
      class: 'seen', width: of.width, height: of.height, role: 'img', 'aria-label': `${of.name} as the model gets it`,
    });
    this.element = el('div', { class: 'drawing' }, this.canvas, el('div', { class: 'beside' }, this.seen,
      el('span', { class: 'note' }, `what the model gets: ${of.width} × ${of.height}`),
      el('button', { type: 'button', onclick: () => this.clear() }, 'Clear')));
    this.paint();
  }

  // Images that the model learns.
  like(images) {
    this.frame = frame(images, this.of.width, this.of.height, this.of.ink);
  }

  set(image) {
    this.strokes = [];
    this.image = image;
    this.paint();
  }

  clear() {
    this.set(null);
    this.changed();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width * this.of.width, y: (event.clientY - box.top) / box.height * this.of.height };
  }

  begin(point) {
    if (this.image) this.image = null;
    this.strokes.push([point]);
  }

  down(event) {
    if (event.button !== 0) return;
    this.keyed = false;
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = true;
    this.begin(this.place(event));
    this.drawn();
  }

  move(event) {
    if (!this.drawing) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.strokes.at(-1).push(this.place(each));
    this.drawn();
  }

  up() {
    this.drawing = false;
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const from = this.at;
      this.at = {
        x: Math.max(0.5, Math.min(this.of.width - 0.5, from.x + step[0])), y: Math.max(0.5, Math.min(this.of.height - 0.5, from.y + step[1])),
      };
      if (event.shiftKey) {
        const last = this.strokes.at(-1)?.at(-1);
        if (last !== from) this.begin(from);
        this.strokes.at(-1).push(this.at);
      }
    } else if (event.key === ' ') this.begin(this.at);
    else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else return;
    event.preventDefault();
    this.keyed = true;
    if (event.shiftKey || !step) this.drawn();
    else this.paint();
  }

  drawn() {
    this.paint();
    this.changed();
  }

  // Draws the strokes, moved and scaled.
  stroke(to, paper, ink, scale, dx, dy) {
    const { zoom } = this;
    to.setTransform(1, 0, 0, 1, 0, 0);
    to.fillStyle = paper;
    to.fillRect(0, 0, this.fine.width, this.fine.height);
    to.setTransform(zoom * scale, 0, 0, zoom * scale, zoom * dx, zoom * dy);
    to.strokeStyle = ink;
    to.lineWidth = PEN / scale; // a pen is as wide in each image
    to.lineCap = 'round';
    to.lineJoin = 'round';
    for (const stroke of this.strokes) {
      to.beginPath();
      to.moveTo(stroke[0].x, stroke[0].y);
      if (stroke.length === 1) to.lineTo(stroke[0].x + 0.01, stroke[0].y);
      for (const point of stroke.slice(1)) to.lineTo(point.x, point.y);
      to.stroke();
    }
    to.setTransform(1, 0, 0, 1, 0, 0);
  }

  // Returns what is drawn as an image: each pixel has the mean of its part of the fine grid.
  raster(scale = 1, dx = 0, dy = 0) {
    const { width, height, ink } = this.of;
    const { zoom } = this;
    const to = this.fine.getContext('2d', { willReadFrequently: true });
    this.stroke(to, '#000', '#fff', scale, dx, dy);
    const { data } = to.getImageData(0, 0, this.fine.width, this.fine.height);
    const values = new Array(width * height).fill(0);
    for (let y = 0; y < this.fine.height; y++) {
      for (let x = 0; x < this.fine.width; x++) {
        values[Math.floor(y / zoom) * width + Math.floor(x / zoom)] += data[4 * (y * this.fine.width + x)];
      }
    }
    const most = zoom * zoom * 255;
    return values.map(value => ink === 255 ? Math.round(255 * value / most) : +(ink * value / most).toFixed(4));
  }

  // Returns the image that the model is asked about.
  value() {
    if (this.image) return this.image;
    const plain = this.raster();
    const { width, height, ink } = this.of;
    const found = this.frame && measure(plain, width, height, ink);
    if (!found) return plain;
    // By the strokes themselves, whose box is a pen smaller than their ink's.
    const points = this.strokes.flat();
    const [left, right, top, bottom] = [Math.min(...points.map(each => each.x)), Math.max(...points.map(each => each.x)),
      Math.min(...points.map(each => each.y)), Math.max(...points.map(each => each.y))];
    const span = Math.max(right - left, bottom - top);
    const scale = span < 1 ? 1 : (this.frame.side - PEN) / span;
    const [dx, dy] = [0.5 * width - 0.5 * scale * (left + right), 0.5 * height - 0.5 * scale * (top + bottom)];
    const scaled = measure(this.raster(scale, dx, dy), width, height, ink);
    return scaled ? this.raster(scale, dx + this.frame.x - scaled.x, dy + this.frame.y - scaled.y) : plain;
  }

  // Ink is dark on light paper, whatever the theme.
  paint() {
    const { width, height, ink } = this.of;
    const value = this.value();
    const small = this.seen.getContext('2d');
    const image = small.createImageData(width, height);
    value.forEach((each, at) => {
      const shade = 250 - Math.round(230 * Math.max(0, Math.min(1, each / ink)));
      image.data.set([shade, shade, shade, 255], 4 * at);
    });
    small.putImageData(image, 0, 0);
    const to = this.canvas.getContext('2d');
    if (this.image) {
      to.imageSmoothingEnabled = false;
      to.drawImage(this.seen, 0, 0, this.canvas.width, this.canvas.height);
    } else {
      this.stroke(to, '#fafafa', '#141414', 1, 0, 0);
    }
    if (this.keyed && document.activeElement === this.canvas) {
      to.strokeStyle = '#0b6e6e';
      to.lineWidth = 2;
      to.strokeRect((this.at.x - 0.75) * this.zoom, (this.at.y - 0.75) * this.zoom, 1.5 * this.zoom, 1.5 * this.zoom);
    }
  }
}
