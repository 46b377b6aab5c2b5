const LOGO = Buffer.from('logo.png').toString('base64url');
const TEXT = Buffer.from('Reserved\nuntil Friday').toString('base64url');
const MARKED = `o_image:${LOGO}:tile:1:w:10::text:${TEXT}:size:80:bg:00000080::image:${LOGO}:w:100:rotate:30`;

/** Inline recipes of stills and of animations that use each operation where it takes most memory. */
export function operationRecipes(faces: boolean): [stills: string[], animations: string[]] {
  return [
    [
      ...['w_2400,h_2400,fit_pad,bg_blur,radius_40,f_webp', 'w_1200,h_1200,fit_pad,bg_auto,pad_20,f_jpeg'],
      ...[`w_2400,${MARKED},f_webp`, `w_1200,gamut_p3,${MARKED},f_jpeg`, `w_4000,${MARKED},f_jpeg`],
      ...['w_1600,blur_250,f_webp', 'w_4000,blur_250,f_jpeg', 'w_2400,sharpen_auto,normalize_1,f_webp'],
      ...['w_600,q_auto,f_avif', 'w_1200,q_auto,f_webp', 'w_2400,max_100000,f_jpeg', 'w_1200,max_40000,f_webp'],
      ...[
        'w_4000,en_1,f_jpeg',
        'w_4000,h_3000,fit_contain,en_1,sharpen_2,f_webp',
        'w_600,h_600,fit_cover,g_entropy,f_webp',
      ],
      ...['w_1200,rot_90,gamut_p3,f_webp', 'w_2400,crop_10pc:10pc:80pc:80pc,rot_90,gamut_p3,f_jpeg'],
      ...['w_2400,rot_90,radius_circle,border_20:cccccc,f_png', 'w_1600,pixelate_20,duotone_102030:f0e0d0,f_webp'],
      ...['w_1600,redact_boxes:blur:0p1:0p1:0p5:0p5,flip_hv,f_webp', 'w_600,l_1,f_webp', 'w_1200,palette_16,f_png'],
      ...(faces ? ['w_1200,redact_faces:blur,f_webp', 'w_600,redact_faces:pixelate,rot_90,f_jpeg'] : []),
    ],
    [
      ...['w_300,a_1,radius_20,blur_3,f_webp', 'w_300,h_300,fit_pad,bg_blur,a_1,f_webp', 'w_300,page_150,f_webp'],
      ...[`w_300,a_1,${MARKED},f_webp`, 'w_240,a_1,frames_50,speed_2,rot_90,sharpen_auto,f_webp'],
    ],
  ];
}
