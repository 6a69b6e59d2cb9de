// Line charts by uPlot, in the colours of the theme.

import uPlot from './uplot.js';
import { el } from './dom.js';
import { clock, decimal, short, time, UNKNOWN } from './format.js';

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = new Set();
const DRAG = 4; // pixels from which on a pointer that is moved zooms, and does not click

// Charts take their colours when they are made, so a change of theme makes them anew.
export const recolour = () => charts.forEach(chart => chart.make());

export class Chart {
  // series: [{ label, colour (a CSS variable), dash, width }], x: 'time' or 'events'; picked: told the index of a point that
  // was clicked, or gone to by arrow keys
  constructor(label, series, { digits = 4, height = 220, marks = () => [], picked = () => {} } = {}) {
    this.series = series;
    this.digits = digits;
    this.height = height;
    this.marks = marks;
    this.x = 'time';
    this.data = [[], ...series.map(() => [])];
    this.picked = picked;
    this.at = null; // index of the point that was picked last
    this.element = el('div', {
      class: 'chart', tabindex: '0', role: 'group', 'aria-label': `${label}: arrow keys go from point to point`,
      onkeydown: event => this.step(event),
    });
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.element);
    charts.add(this);
  }

  fit() {
    const width = this.element.clientWidth;
    if (width === 0) return;
    if (!this.plot) this.make();
    else if (this.plot.width !== width) {
      this.plot.setSize({ width, height: this.height });
      this.tellNewest();
    }
  }

  make() {
    const width = this.element.clientWidth;
    this.plot?.destroy();
    this.plot = null;
    if (width === 0) return;
    const font = `11px ${colour('--font')}`;
    const axis = { stroke: colour('--muted'), font, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const ofTime = this.x === 'time';
    this.plot = new uPlot({
      width, height: this.height,
      scales: { x: { time: false, range: (u, min, max) => min === max ? [min - 1, max + 1] : [min, max] } },
      cursor: { points: { size: 6 }, drag: { x: true, y: false, dist: DRAG, click() {} } },
      legend: { live: true },
      axes: [
        { ...axis, size: 28, space: 90, values: (u, ticks) => ticks.map(tick => ofTime ? clock(tick) : short(tick)) },
        { ...axis, size: 56, values: (u, ticks) => ticks.map(tick => decimal(tick, 3)) },
      ],
      series: [
        { label: ofTime ? 'time' : 'events', value: (u, value) => value === null ? UNKNOWN : ofTime ? time(value) : short(value) },
        ...this.series.map(each => ({
          label: each.label, stroke: colour(each.colour), width: each.width ?? 1.6, dash: each.dash, spanGaps: true,
          points: { show: false }, value: (u, value) => decimal(value, this.digits),
        })),
      ],
      hooks: { draw: [plot => this.drawMarks(plot)] },
    }, this.data, this.element);
    const made = this.plot;
    let down = 0;
    made.over.addEventListener('mousedown', event => { down = event.clientX; });
    made.over.addEventListener('click', event => {
      if (Math.abs(event.clientX - down) < DRAG && this.data[0].length > 0) this.pick(made.posToIdx(event.clientX - made.over.getBoundingClientRect().left));
    });
    made.over.addEventListener('mouseleave', () => requestAnimationFrame(() => this.tellNewest()));
    // After what uPlot has left to do, which empties the legend.
    requestAnimationFrame(() => { if (this.plot === made) this.tellNewest(); });
  }

  step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const newest = this.data[0].length - 1;
    if (by === undefined || newest < 0) return;
    event.preventDefault();
    this.pick(Math.max(0, Math.min(newest, (this.at ?? newest + (by === -1 ? 1 : 0)) + by)));
  }

  pick(index) {
    this.at = index;
    this.picked(index);
    this.plot?.setLegend({ idx: index });
  }

  redraw() {
    this.plot?.redraw(false);
  }

  // While no pointer is over the chart, its legend has the newest values.
  tellNewest() {
    const newest = this.data[0].length - 1;
    if (this.plot && newest >= 0 && !(this.plot.cursor.left >= 0)) this.plot.setLegend({ idx: newest });
  }

  drawMarks(plot) {
    const { ctx, bbox } = plot;
    let row = 0; // of the label, so that neighbours don't cover each other
    for (const mark of this.marks(this.x)) {
      if (mark.at < plot.scales.x.min || mark.at > plot.scales.x.max) continue;
      const x = Math.round(plot.valToPos(mark.at, 'x', true)) + 0.5;
      ctx.save();
      ctx.strokeStyle = colour(mark.colour);
      ctx.fillStyle = colour(mark.colour);
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.font = `${10 * devicePixelRatio}px ${colour('--font')}`;
      const fits = x + 6 * devicePixelRatio + ctx.measureText(mark.label).width < plot.ctx.canvas.width;
      ctx.textAlign = fits ? 'left' : 'right';
      ctx.textBaseline = 'alphabetic';
      ctx.fillText(mark.label, x + (fits ? 3 : -3) * devicePixelRatio, bbox.top + (10 + 12 * (row++ % 3)) * devicePixelRatio);
      ctx.restore();
    }
  }

  show(x, data) {
    const other = x !== this.x;
    if (other || this.at >= data[0].length) this.at = null;
    this.x = x;
    this.data = data;
    if (!this.plot || other) this.make();
    else {
      this.plot.setData(data);
      this.tellNewest();
    }
  }

  end() {
    charts.delete(this);
    this.observer.disconnect();
    this.plot?.destroy();
  }
}
