/*
 * JPEG to planes and planes to JPEG by the raw-data calls of libjpeg's public interface (libjpeg.txt, "Raw (downsampled) image
 * data"). libjpeg reports errors by a function that must not return, so each call into it lies between a setjmp and its longjmp,
 * and neither crosses a frame of Rust. A warning counts as an error: what is damaged is not decoded here.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jpeglib.h>

/* As src/codecs.rs has them. */
enum { DK_OK = 0, DK_DAMAGED = 1, DK_STOPPED = 2, DK_TIMED_OUT = 3, DK_TOO_MANY_SCANS = 4, DK_SHORT_OF_MEMORY = 5 };

typedef struct {
  uint32_t width, height, components, colours, precision, arithmetic;
  /* Of each component: sampling factors. */
  uint32_t across[4], down[4];
} DkHeader;

typedef struct {
  uint32_t planes;
  /* Of each plane: samples of a decoded row, real ones of these, real rows, and rows that each call writes. */
  uint32_t stride[3], width[3], height[3], rows[3];
} DkLayout;

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
  int status;
} Errors;

typedef struct {
  struct jpeg_progress_mgr base;
  const volatile int32_t *stop;
  uint64_t deadline; /* ms of the monotonic clock */
  int32_t most_scans;
} Progress;

typedef struct {
  struct jpeg_decompress_struct d;
  Errors errors;
  Progress progress;
  uint32_t planes;
} DkReader;

static void fail(j_common_ptr c, int status) {
  Errors *errors = (Errors *)c->err;
  errors->status = status;
  longjmp(errors->jump, 1);
}

static void on_error(j_common_ptr c) { fail(c, DK_DAMAGED); }

/* Negative levels are warnings, others tell of progress. */
static void on_message(j_common_ptr c, int level) {
  if (level < 0) fail(c, DK_DAMAGED);
}

static void stay_silent(j_common_ptr c) { (void)c; }

static struct jpeg_error_mgr *errors_of(Errors *errors) {
  jpeg_std_error(&errors->base);
  errors->base.error_exit = on_error;
  errors->base.emit_message = on_message;
  errors->base.output_message = stay_silent;
  errors->status = DK_OK;
  return &errors->base;
}

uint64_t dk_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Called for each row of MCUs, of each scan where there are several. */
static void on_progress(j_common_ptr c) {
  const Progress *progress = (const Progress *)c->progress;
  if (*progress->stop) fail(c, DK_STOPPED);
  if (dk_now() >= progress->deadline) fail(c, DK_TIMED_OUT);
  if (c->is_decompressor && ((j_decompress_ptr)c)->input_scan_number > progress->most_scans) fail(c, DK_TOO_MANY_SCANS);
}

void dk_close(DkReader *reader) {
  if (!reader) return;
  jpeg_destroy_decompress(&reader->d);
  free(reader);
}

/* Reads the header. NULL where memory is short; else to be closed, whatever the status. */
DkReader *dk_open(const uint8_t *bytes, size_t length, const int32_t *stop, uint64_t deadline, int32_t most_scans, DkHeader *header, int *status) {
  DkReader *reader = calloc(1, sizeof *reader);
  memset(header, 0, sizeof *header);
  *status = DK_DAMAGED;
  if (!reader) return NULL;
  j_decompress_ptr d = &reader->d;
  d->err = errors_of(&reader->errors);
  if (setjmp(reader->errors.jump)) {
    *status = reader->errors.status;
    return reader;
  }
  jpeg_create_decompress(d);
  reader->progress.base.progress_monitor = on_progress;
  reader->progress.stop = stop, reader->progress.deadline = deadline, reader->progress.most_scans = most_scans;
  d->progress = &reader->progress.base;
  jpeg_mem_src(d, bytes, length);
  if (jpeg_read_header(d, TRUE) != JPEG_HEADER_OK) return reader;
  header->width = d->image_width, header->height = d->image_height;
  header->components = (uint32_t)d->num_components, header->colours = (uint32_t)d->jpeg_color_space;
  header->precision = (uint32_t)d->data_precision, header->arithmetic = d->arith_code;
  for (int i = 0; i < d->num_components && i < 4; i++)
    header->across[i] = (uint32_t)d->comp_info[i].h_samp_factor, header->down[i] = (uint32_t)d->comp_info[i].v_samp_factor;
  *status = DK_OK;
  return reader;
}

/* Begins to decode at `eighths` of the size. Of pictures in several scans, all are read here. */
int dk_start(DkReader *reader, uint32_t eighths, DkLayout *layout) {
  j_decompress_ptr d = &reader->d;
  memset(layout, 0, sizeof *layout);
  if (setjmp(reader->errors.jump)) return reader->errors.status;
  d->raw_data_out = TRUE, d->out_color_space = d->jpeg_color_space;
  d->scale_num = eighths, d->scale_denom = 8;
  d->dct_method = JDCT_ISLOW, d->do_fancy_upsampling = FALSE;
  if (!jpeg_start_decompress(d)) return DK_DAMAGED;
  if (d->num_components != 1 && d->num_components != 3) return DK_DAMAGED;
  layout->planes = reader->planes = (uint32_t)d->num_components;
  for (uint32_t i = 0; i < reader->planes; i++) {
    const jpeg_component_info *c = d->comp_info + i;
    const uint32_t side = (uint32_t)c->DCT_scaled_size;
    layout->stride[i] = c->width_in_blocks * side;
    layout->width[i] = c->downsampled_width, layout->height[i] = c->downsampled_height;
    layout->rows[i] = (uint32_t)c->v_samp_factor * side;
  }
  return DK_OK;
}

enum { MOST_ROWS = MAX_SAMP_FACTOR * DCTSIZE };

/* The next row of MCUs: to[i] has room for rows[i] times stride[i] samples. */
int dk_next(DkReader *reader, uint8_t *const *to, const DkLayout *layout) {
  j_decompress_ptr d = &reader->d;
  JSAMPROW rows[3][MOST_ROWS];
  JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
  for (uint32_t i = 0; i < reader->planes; i++)
    for (uint32_t row = 0; row < layout->rows[i] && row < MOST_ROWS; row++) rows[i][row] = to[i] + (size_t)row * layout->stride[i];
  if (setjmp(reader->errors.jump)) return reader->errors.status;
  on_progress((j_common_ptr)d);
  return jpeg_read_raw_data(d, arrays, MOST_ROWS) > 0 ? DK_OK : DK_DAMAGED;
}

/* Reads what follows the last row: a scan that is not there, say. */
int dk_finish(DkReader *reader) {
  if (setjmp(reader->errors.jump)) return reader->errors.status;
  return jpeg_finish_decompress(&reader->d) ? DK_OK : DK_DAMAGED;
}

/* libjpeg's own destination in memory loses its buffer where an error comes after the first growth. */
typedef struct {
  struct jpeg_destination_mgr base;
  uint8_t *bytes;
  size_t size;
} Destination;

static boolean grow(j_compress_ptr c) {
  Destination *to = (Destination *)c->dest;
  uint8_t *longer = to->size > SIZE_MAX / 2 ? NULL : realloc(to->bytes, 2 * to->size);
  if (!longer) fail((j_common_ptr)c, DK_SHORT_OF_MEMORY);
  to->base.next_output_byte = longer + to->size, to->base.free_in_buffer = to->size;
  to->bytes = longer, to->size *= 2;
  return TRUE;
}

static void begin(j_compress_ptr c) {
  Destination *to = (Destination *)c->dest;
  to->base.next_output_byte = to->bytes, to->base.free_in_buffer = to->size;
}

static void end(j_compress_ptr c) { (void)c; }

/*
 * A JPEG of full-range planes, 4:2:0. Rows of `stride` samples, of chroma half of it, filled up to whole MCUs; below the last row,
 * it is repeated. `table`: of mozjpeg's tables of quantisers. `out` is to be freed by dk_free, whatever the status.
 */
int dk_encode(const uint8_t *const *planes, uint32_t stride, uint32_t width, uint32_t height, int quality, int progressive, int table,
              const int32_t *stop, uint64_t deadline, uint8_t **out, size_t *length) {
  struct {
    struct jpeg_compress_struct c;
    Errors errors;
    Destination to;
  } *writer = calloc(1, sizeof *writer);
  Progress progress = {.base = {.progress_monitor = on_progress}, .stop = stop, .deadline = deadline, .most_scans = 0};
  *out = NULL, *length = 0;
  if (!writer) return DK_SHORT_OF_MEMORY;
  j_compress_ptr c = &writer->c;
  c->err = errors_of(&writer->errors);
  writer->to.base = (struct jpeg_destination_mgr){.init_destination = begin, .empty_output_buffer = grow, .term_destination = end};
  writer->to.size = 4096 + (size_t)width * height / 4;
  writer->to.bytes = malloc(writer->to.size);
  if (!writer->to.bytes) {
    free(writer);
    return DK_SHORT_OF_MEMORY;
  }
  if (!setjmp(writer->errors.jump)) {
    jpeg_create_compress(c);
    c->progress = &progress.base;
    c->dest = &writer->to.base;
    c->image_width = width, c->image_height = height, c->input_components = 3, c->in_color_space = JCS_YCbCr;
    /* libjpeg-turbo's settings, without mozjpeg's slow ones: as sharp has it. */
    jpeg_c_set_int_param(c, JINT_COMPRESS_PROFILE, JCP_FASTEST);
    jpeg_set_defaults(c);
    jpeg_c_set_int_param(c, JINT_BASE_QUANT_TBL_IDX, table);
    jpeg_set_quality(c, quality, TRUE);
    c->optimize_coding = TRUE, c->raw_data_in = TRUE, c->dct_method = JDCT_ISLOW;
    c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = 2;
    for (int i = 1; i < 3; i++) c->comp_info[i].h_samp_factor = c->comp_info[i].v_samp_factor = 1;
    if (progressive) jpeg_simple_progression(c);
    jpeg_start_compress(c, TRUE);
    while (c->next_scanline < c->image_height) {
      JSAMPROW rows[3][2 * DCTSIZE];
      JSAMPARRAY arrays[3] = {rows[0], rows[1], rows[2]};
      for (uint32_t i = 0; i < 3; i++) {
        const uint32_t each = i ? DCTSIZE : 2 * DCTSIZE, last = (i ? (height + 1) / 2 : height) - 1, from = c->next_scanline / (i ? 2 : 1);
        for (uint32_t row = 0; row < each; row++) {
          const uint32_t y = from + row < last ? from + row : last;
          rows[i][row] = (JSAMPROW)planes[i] + (size_t)y * (i ? stride / 2 : stride);
        }
      }
      jpeg_write_raw_data(c, arrays, 2 * DCTSIZE);
    }
    jpeg_finish_compress(c);
  }
  /* Read behind a longjmp, so only what lies in the writer. */
  const int status = writer->errors.status;
  *out = writer->to.bytes, *length = writer->to.size - writer->to.base.free_in_buffer;
  jpeg_destroy_compress(c);
  free(writer);
  return status;
}

void dk_free(uint8_t *file) { free(file); }
