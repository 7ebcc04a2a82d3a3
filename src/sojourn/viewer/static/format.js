// Figures as people read them.

const WHOLE = new Intl.NumberFormat("en");

export const count = (number) => WHOLE.format(number);

export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

export function duration(ms) {
  if (ms < 999.5) return `${Number(ms.toPrecision(3))} ms`;
  if (ms < 119500) return `${Number((ms / 1000).toPrecision(3))} s`;
  const minutes = Math.floor(ms / 60000);
  if (minutes < 120) return `${minutes} min ${Math.round((ms % 60000) / 1000)} s`;
  return `${Number((ms / 3600000).toPrecision(3))} h`;
}

export const score = (value) => (typeof value === "number" ? value.toFixed(2) : "");

export const cost = (value) => (value ? `$${Number(value.toPrecision(3))}` : "");

export function when(iso, timeStyle = "short") {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleString("sv", { dateStyle: "short", timeStyle });
}

export function size(length) {
  return length < 1e6 ? `${count(length)} characters` : `${(length / 1e6).toFixed(1)} million characters`;
}
