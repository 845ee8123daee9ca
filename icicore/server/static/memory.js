// What a viewer shows again after it was taken off the page and put back: kept for the life of the browser tab's page.
import { registry } from './bus.js';

const { memory } = registry;
for (const name of ['views', 'layers', 'thresholds', 'slides', 'flights']) memory[name] ??= {};

export const views = memory.views;                              // viewer|slide -> {bounds, rotation, flip}
export const shownSlide = memory.slides;                        // viewer -> slide id
export const flights = memory.flights;                          // viewer -> last goto obeyed

/** Remembered settings of a layer; a window on the values belongs to one slide, everything else to the viewer. */
export function recallLayer(viewer, slide, layer) {
  const { threshold = null, ceiling = null } = memory.thresholds[`${viewer}|${slide}|${layer}`] ?? {};
  return { ...memory.layers[`${viewer}|${layer}`], threshold, ceiling };
}

export function rememberLayer(viewer, slide, { id, state }) {
  const { threshold, ceiling, ...rest } = state;
  memory.layers[`${viewer}|${id}`] = rest;
  memory.thresholds[`${viewer}|${slide}|${id}`] = { threshold, ceiling };
}
