// OpenSeadragon, set up for slides.
import { loadScript } from './fetching.js';

/** WebGL only where a graphics card draws it; a software renderer is slower than the 2D canvas. */
function drawer() {
  const probe = document.createElement('canvas').getContext('webgl', { failIfMajorPerformanceCaveat: true });
  const details = probe?.getExtension('WEBGL_debug_renderer_info');
  const renderer = details ? probe.getParameter(details.UNMASKED_RENDERER_WEBGL) : '';
  probe?.getExtension('WEBGL_lose_context')?.loseContext();
  return probe && !/swiftshader|llvmpipe|software|basic render/i.test(renderer) ? ['webgl', 'canvas'] : 'canvas';
}

/** @param navigator whether to show the small map */
export async function createZoomer(element, { navigator = true } = {}) {
  await loadScript('./vendor/openseadragon-6.1.1/openseadragon.min.js');
  const { OpenSeadragon } = window;
  const osd = OpenSeadragon({
    element, drawer: drawer(), crossOriginPolicy: false, showNavigationControl: false,
    tabIndex: -1,  // the keys belong to the element around it, which has a name
    showNavigator: navigator, navigatorPosition: 'BOTTOM_RIGHT', navigatorSizeRatio: 0.18, navigatorAutoFade: false, navigatorRotate: true,
    navigatorDisplayRegionColor: '#0b6e8a', navigatorBorderColor: 'transparent', navigatorBackground: '#fff', navigatorOpacity: 1,
    maxZoomPixelRatio: 6, minZoomImageRatio: 0.7, visibilityRatio: 0.35, animationTime: 0.45, springStiffness: 9, zoomPerScroll: 1.3,
    immediateRender: false, imageLoaderLimit: 6, timeout: 60000, preserveImageSizeOnResize: true,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, flickEnabled: true },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true, pinchRotate: false },
  });
  osd.addHandler('canvas-key', event => Object.assign(event, { preventDefaultAction: true, preventVerticalPan: true, preventHorizontalPan: true }));
  return { osd, OpenSeadragon };
}

/** Tile source of a slide. @param info sizes from the server  @param address template with {level}, {col}, {row} */
export function tileSource(info, address) {
  return {
    width: info.width, height: info.height, tileSize: info.tile_size, tileOverlap: 0, minLevel: info.min_level, maxLevel: info.max_level,
    getTileUrl: (level, col, row) => address.replace('{level}', level).replace('{col}', col).replace('{row}', row),
  };
}
