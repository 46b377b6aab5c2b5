import type { OptionTable } from '../scheme.ts';

const OTHER_OBJECTS = 'faces are the only objects that are looked for';
const SERVER = 'it is a setting of the server';
const CSS = 'CSS draws it over the picture';
const VIDEO = 'there is no video';
const ENCODER = 'how each format is coded stands in presets';

/** imgproxy's options without an equal, each with the reason; docs/operations/elsewhere.md has more words. */
export const IMGPROXY_UNMAPPED: OptionTable = {
  ...reason('there is one kernel for smaller pictures and one for larger ones', 'resizing_algorithm', 'ra'),
  ...reason('write the size that it comes to, with the resizing type fill', 'min-width', 'mw', 'min-height', 'mh'),
  ...reason(OTHER_OBJECTS, 'objects_position', 'obj_pos', 'op', 'crop_objects', 'blur_detections', 'bd'),
  ...reason(OTHER_OBJECTS, 'draw_detections', 'dd', 'object_detection'),
  ...reason('write width and height', 'crop_aspect_ratio', 'crop_ar', 'car'),
  ...reason('half-transparent backgrounds are not made', 'background_alpha', 'bga'),
  ...reason('levels are multiplied here, where imgproxy adds to them', 'adjust', 'a', 'brightness', 'br'),
  ...reason(
    'its strengths have no equal',
    'monochrome',
    'mc',
    'duotone',
    'dt',
    'unsharp_masking',
    'ush',
    'colorize',
    'col',
  ),
  ...reason('covered parts stand in presets (redact)', 'blur_areas', 'ba'),
  ...reason(CSS, 'progressive_blur', 'pbl', 'gradient', 'gr'),
  ...reason('an old URL chooses no picture or text to lay over', 'watermark_url', 'wmu', 'watermark_text', 'wmt'),
  ...reason('the size of overlays stands in presets', 'watermark_size', 'wms', 'watermark_rotate', 'wm_rot', 'wmr'),
  ...reason('shadows of overlays are not made', 'watermark_shadow', 'wmsh'),
  ...reason('SVG is not styled', 'style', 'st'),
  ...reason('renditions are sRGB, or Display P3 by a preset', 'color_profile', 'cp', 'icc'),
  ...reason(ENCODER, 'jpeg_options', 'jpgo', 'png_options', 'pngo', 'webp_options', 'webpo', 'avif_options', 'avifo'),
  ...reason('pages are shown one by one', 'pages', 'pgs'),
  ...reason(VIDEO, 'video_thumbnail_second', 'vts', 'video_thumbnail_keyframes', 'vtk', 'video_thumbnail_tile', 'vtt'),
  ...reason(VIDEO, 'video_thumbnail_animation', 'vta'),
  ...reason('an old URL chooses no other picture', 'fallback_image_url', 'fiu'),
  ...reason("an old URL never sends the original's own file", 'skip_processing', 'skp'),
  ...reason('an old URL names no download', 'filename', 'fn'),
  ...reason('purges are made by the API', 'cache_tags', 'ct', 'bypass_cache', 'bc'),
  ...reason(SERVER, 'hashsum', 'hs', 'max_src_resolution', 'msr', 'max_src_file_size', 'msfs', 'max_animation_frames'),
  ...reason(SERVER, 'maf', 'max_animation_frame_resolution', 'mafr', 'max_result_dimension', 'mrd'),
};

function reason(sentence: string, ...names: string[]): OptionTable {
  return Object.fromEntries(names.map((name) => [name, sentence]));
}
