// Numbers, times and sizes as people read them. What is not known is a dash.

export const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const known = value => value !== null && value !== undefined && Number.isFinite(value);

export const count = value => known(value) ? whole.format(value) : UNKNOWN;

export const short = value => {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)} G`;
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return whole.format(value);
};

const trim = value => value >= 100 ? value.toFixed(0) : value.toFixed(1);

export const decimal = (value, digits = 4) => {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(2) : value.toFixed(digits);
};

export const percent = (value, digits = 1) => known(value) ? `${(100 * value).toFixed(digits)} %` : UNKNOWN;

export const bytes = value => {
  if (!known(value)) return UNKNOWN;
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} kB`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)} MB`;
  return `${(value / 1e9).toFixed(2)} GB`;
};

export const age = millis => {
  if (!known(millis)) return UNKNOWN;
  const seconds = Math.max(0, millis) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
};

export const time = millis => known(millis)
  ? new Date(millis).toLocaleString('sv-SE', { dateStyle: 'short', timeStyle: 'medium' }) : UNKNOWN;

export const clock = millis => known(millis) ? new Date(millis).toLocaleTimeString('sv-SE') : UNKNOWN;

export const hash = value => value ? `${value.slice(0, 12)}…` : UNKNOWN;
