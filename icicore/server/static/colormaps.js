// Colour maps as 256-entry tables. Anchors: 33 evenly spaced colours of matplotlib's maps of the same name (viridis family:
// CC0; turbo: Apache-2.0; RdBu: ColorBrewer), within 6 of 255 of the originals between anchors. RdBu runs blue-white-red.
const ANCHORS = {
  inferno: '0000040403120b0724150b37210c4a2f0a5b3d09654a0c6b57106e64156e71196e7d1e6d8a226a972766a32c61b0315bbc3754c63d4dd04545da4e3ce35933eb6429f1711ff67e14f98c0afb9b06fcaa0ffbba1ff9c932f5d949f2e865f3f586fcffa4',
  viridis: '440154470d6048186a482374472d7b4537814240863e49893b528b375b8d33638d2f6b8e2c728e297a8e26828e23898e21918c1f978b1f9f8821a68527ad8131b57b3dbc744cc26c5cc8636ece5881d34d95d840aadc32c0df25d5e21aeae51afde725',
  magma: '0000040303120a0822130d341d114729115a36106b440f7651127c5d177f6a1c81762181832681902a819c2e7faa337db73779c23b75cf4070db476ae55064ee5b5ef4695cf9785dfb8761fd9668fea571feb47bfec287fed194fde0a1fceeb0fcfdbf',
  cividis: '00224e00285b002e6a0533711a386f273e6e32436d3b496c434e6c4b546c535a6d5a5f6e61656f686a716f70737676767d7c788381798b8778928d789a9376a29975aaa073b3a670bbad6dc3b369ccba64d4c15fddc858e6d051efd748f8df3cfee838',
  turbo: '30123b392a734040a24456c7466be34680f64294ff37a8fa28bceb1ccdd818ddc21fe9af32f2984ef97d6dfe628bff4ba4fc3cb7f735cbed34dde037ecd13af7c13afdae35fe992cfb8122f56918ec530fe14109d23105c12302ac1701950d017a0403',
  RdBu: '0530610e41791752901f63a82a71b23480b93f8ec0529dc86bacd184bcd99bc9e0aed3e6c2ddecd4e6f1e0ecf3ecf2f5f7f6f6f9efe9fbe6dafdddcbfbceb7f8bda1f5ac8bef9979e58368dc6e57d25849c6413ebb2a34ae172a960f277f082367001f',
  // Blue towards response, orange against: the colours of the charts; white at zero.
  OrangeBlue: '7f3b08a8500ec25a0ad97a2ce89c5bf3bf92fadfc7ffffffcfe2f3a5c8e68cb8de5b9bd03d84c01f6fb2174f86',
  teal: 'e6f4f1b5ddd47cc2b545a596188877',
};
export const SEQUENTIAL = ['inferno', 'viridis', 'magma', 'cividis', 'turbo'];
export const DIVERGING = ['RdBu', 'OrangeBlue'];
const LABELS = { RdBu: 'blue to red', OrangeBlue: 'orange to blue' };
const tables = new Map();

function anchors(name) {
  return (ANCHORS[name] ?? ANCHORS.inferno).match(/.{6}/g).map(h => [0, 2, 4].map(i => parseInt(h.slice(i, i + 2), 16)));
}

/** 256 colours as [r, g, b]. */
export function colours(name) {
  if (!tables.has(name)) {
    const stops = anchors(name);
    tables.set(name, Array.from({ length: 256 }, (_, i) => {
      const t = i / 255 * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(t)), f = t - k;
      return [0, 1, 2].map(j => Math.round(stops[k][j] * (1 - f) + stops[k + 1][j] * f));
    }));
  }
  return tables.get(name);
}

/** 256 colours packed for an ImageData buffer (little-endian RGBA, opaque). */
export function packed(name) {
  return Uint32Array.from(colours(name), ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
}

/** CSS colour at t in [0, 1]. */
export function cssColour(name, t) {
  const [r, g, b] = colours(name)[Math.max(0, Math.min(255, Math.round(t * 255)))];
  return `rgb(${r} ${g} ${b})`;
}

/** CSS gradient from low (left) to high. */
export function cssGradient(name) {
  return `linear-gradient(to right, ${Array.from({ length: 17 }, (_, i) => cssColour(name, i / 16)).join(', ')})`;
}

/** Colours of classes, apart for the colour-blind too; [r, g, b]. */
export const CATEGORIES = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [80, 80, 80], [240, 228, 66], [235, 235, 235], [204, 121, 167]];

export function mapLabel(name) { return LABELS[name] ?? name; }
