/*
 * Encodes a still picture by SVT-AV1 on a thread of libuv's pool: encode(pixels, width, height, channels, settings) resolves to the
 * low-overhead OBU stream of one frame, full range, BT.601, 4:2:0. `settings` are SVT-AV1's own parameters by name, and "ssim=1": with
 * the similarity of its decoded luma as a property, where `measures` says so.
 *
 * The declarations follow SVT-AV1's public interface of the major version below. Parameters are set by name, so of the
 * configuration only an upper bound of its size must be known.
 * https://gitlab.com/AOMediaCodec/SVT-AV1/-/blob/v4.1.0/Source/API/EbSvtAv1Enc.h
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERFACE "v4."
/* Where its configuration has the flag that keeps the decoded picture, which no parameter sets. */
#define RECONSTRUCTING_VERSION "v4.1.0"
#define RECONSTRUCTING_AT 0x174

typedef struct {
  uint32_t size;
  void *component;
  void *application;
} Encoder;

/* An input picture or an output packet. */
typedef struct {
  uint32_t size;
  uint8_t *bytes;
  uint32_t filled;
  uint32_t allocated;
  void *application;
  void *wrapper;
  uint32_t ticks;
  int64_t dts;
  int64_t pts;
  uint8_t layer;
  uint32_t qp;
  uint32_t mean_qp;
  int32_t type;
  uint64_t squared_errors[3];
  uint32_t flags;
  double ssim[3];
  void *metadata;
} Buffer;

typedef struct {
  uint8_t *luma;
  uint8_t *cb;
  uint8_t *cr;
  uint32_t luma_stride;
  uint32_t cr_stride;
  uint32_t cb_stride;
} Planes;

/* Four times the size that 4.1 needs. */
typedef union {
  uint8_t bytes[16384];
  max_align_t align;
} Configuration;

enum { END_OF_STREAM = 1, TYPE_UNKNOWN = 0xFF };
/* In place of a number of channels: Y, Cb and Cr of 4:2:0 behind each other, without padding. */
enum { PLANES = 1 };

extern const char *svt_av1_get_version(void);
extern int32_t svt_av1_enc_init_handle(Encoder **, Configuration *);
extern int32_t svt_av1_enc_parse_parameter(Configuration *, const char *name, const char *value);
extern int32_t svt_av1_enc_set_parameter(Encoder *, Configuration *);
extern int32_t svt_av1_enc_init(Encoder *);
extern int32_t svt_av1_enc_send_picture(Encoder *, Buffer *);
extern int32_t svt_av1_enc_get_packet(Encoder *, Buffer **, uint8_t all_sent);
extern void svt_av1_enc_release_out_buffer(Buffer **);
extern int32_t svt_av1_get_recon(Encoder *, Buffer *);
extern int32_t svt_av1_enc_deinit(Encoder *);
extern int32_t svt_av1_enc_deinit_handle(Encoder *);
typedef void (*LogCallback)(void *context, int32_t level, const char *tag, const char *format, va_list arguments);
extern void svt_av1_set_log_callback(LogCallback, void *context);

/* Errors are reported by their status, so nothing is written to standard error, which is the server's log. */
static void stay_silent(void *context, int32_t level, const char *tag, const char *format, va_list arguments) {
  (void)context, (void)level, (void)tag, (void)format, (void)arguments;
}

typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref held;
  const uint8_t *pixels;
  /* Of what is encoded. */
  const uint8_t *luma;
  uint32_t width, height, channels;
  char *settings;
  bool measures;
  const char *failed_at;
  int32_t status;
  uint8_t *planes;
  uint8_t *stream;
  size_t length;
  double ssim;
} Job;

/* Full-range BT.601 by 16-bit fractions, as JPEG has it; chroma is the mean of its four pixels. */
static void to_planes(const Job *job, const Planes *planes) {
  const uint32_t width = job->width, height = job->height, channels = job->channels;
  const size_t stride = (size_t)width * channels;
  for (uint32_t y = 0; y < height; y += 2) {
    const uint8_t *rows[2] = {job->pixels + y * stride, job->pixels + (y + 1 < height ? y + 1 : y) * stride};
    for (uint32_t row = 0; row < 2 && y + row < height; row++) {
      uint8_t *luma = planes->luma + (size_t)(y + row) * planes->luma_stride;
      for (uint32_t x = 0; x < width; x++) {
        const uint8_t *pixel = rows[row] + (size_t)x * channels;
        luma[x] = (uint8_t)((19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 32768) >> 16);
      }
    }
    uint8_t *cb = planes->cb + (size_t)(y / 2) * planes->cb_stride;
    uint8_t *cr = planes->cr + (size_t)(y / 2) * planes->cr_stride;
    for (uint32_t x = 0; x < width; x += 2) {
      const size_t left = (size_t)x * channels, right = (size_t)(x + 1 < width ? x + 1 : x) * channels;
      int32_t sum[3];
      for (uint32_t c = 0; c < 3; c++) sum[c] = rows[0][left + c] + rows[0][right + c] + rows[1][left + c] + rows[1][right + c];
      /* Sums of four pixels: two bits more to shift. The offset rounds by one half less one, so that 255 stays 255. */
      const int32_t offset = (128 << 18) + (1 << 17) - 1;
      cb[x / 2] = (uint8_t)((-11059 * sum[0] - 21709 * sum[1] + 32768 * sum[2] + offset) >> 18);
      cr[x / 2] = (uint8_t)((32768 * sum[0] - 27439 * sum[1] - 5329 * sum[2] + offset) >> 18);
    }
  }
}

static bool failed(Job *job, const char *step, int32_t status) {
  if (status == 0) return false;
  job->failed_at = step;
  job->status = status;
  return true;
}

static bool set(Job *job, Configuration *configuration, const char *name, const char *value) {
  return !failed(job, name, svt_av1_enc_parse_parameter(configuration, name, value));
}

static bool set_number(Job *job, Configuration *configuration, const char *name, uint32_t value) {
  char text[16];
  snprintf(text, sizeof text, "%u", value);
  return set(job, configuration, name, text);
}

/* "name=value:name=value" */
static bool set_all(Job *job, Configuration *configuration) {
  char *rest = job->settings;
  for (char *name; (name = strsep(&rest, ":"));) {
    char *value = strchr(name, '=');
    if (!value) return !failed(job, "settings", -1);
    *value++ = '\0';
    if (strcmp(name, "ssim") == 0) {
      /* SVT-AV1 4.1.0 never ends where it is to keep a decoded picture of odd sides. */
      job->measures = *value == '1' && job->width % 2 == 0 && job->height % 2 == 0;
      configuration->bytes[RECONSTRUCTING_AT] = job->measures;
    } else if (!set(job, configuration, name, value))
      return false;
  }
  return set_number(job, configuration, "width", job->width) && set_number(job, configuration, "height", job->height);
}

static void collect(Job *job, Encoder *encoder) {
  for (bool ended = false; !ended;) {
    Buffer *packet = NULL;
    if (failed(job, "get_packet", svt_av1_enc_get_packet(encoder, &packet, 1))) return;
    if (packet->filled > 0) {
      uint8_t *longer = realloc(job->stream, job->length + packet->filled);
      if (longer) {
        memcpy(longer + job->length, packet->bytes, packet->filled);
        job->stream = longer;
        job->length += packet->filled;
      } else
        failed(job, "realloc", -1);
    }
    ended = packet->flags & END_OF_STREAM;
    svt_av1_enc_release_out_buffer(&packet);
  }
}

/* Sums of the blocks of 4 x 4 pixels in a row of them: a, b, a * a + b * b, a * b. */
typedef struct {
  uint32_t a, b, squares, both;
} Sums;

static void sum_blocks(const uint8_t *a, const uint8_t *b, size_t stride, uint32_t across, Sums *sums) {
  for (uint32_t block = 0; block < across; block++) {
    Sums sum = {0, 0, 0, 0};
    for (uint32_t y = 0; y < 4; y++)
      for (uint32_t x = 0; x < 4; x++) {
        const uint32_t p = a[y * stride + block * 4 + x], q = b[y * stride + block * 4 + x];
        sum.a += p;
        sum.b += q;
        sum.squares += p * p + q * q;
        sum.both += p * q;
      }
    sums[block] = sum;
  }
}

/* The mean structural similarity of two planes, of windows of 8 x 8 pixels every 4: as formats/encoding/ssim.ts has it. 0 without memory. */
static double similarity(const uint8_t *a, const uint8_t *b, uint32_t width, uint32_t height) {
  const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255, n = 64;
  const uint32_t across = width / 4, down = height / 4;
  if (across < 2 || down < 2) return 0;
  Sums *rows = malloc(2 * across * sizeof *rows);
  if (!rows) return 0;
  double sum = 0;
  for (uint32_t y = 0; y < down; y++) {
    Sums *below = rows + (y & 1) * across, *above = rows + (~y & 1) * across;
    sum_blocks(a + (size_t)y * 4 * width, b + (size_t)y * 4 * width, width, across, below);
    for (uint32_t x = 0; y > 0 && x + 1 < across; x++) {
#define OF_WINDOW(part) ((above[x].part + above[x + 1].part + below[x].part + below[x + 1].part) / n)
      const double mean_a = OF_WINDOW(a), mean_b = OF_WINDOW(b), product = mean_a * mean_b;
      const double means = mean_a * mean_a + mean_b * mean_b;
      sum += (2 * product + c1) * (2 * (OF_WINDOW(both) - product) + c2) /
             ((means + c1) * (OF_WINDOW(squares) - means + c2));
#undef OF_WINDOW
    }
  }
  free(rows);
  return sum / ((double)(across - 1) * (down - 1));
}

/* Of the luma that decoders will show. */
static void measure(Job *job, Encoder *encoder) {
  const size_t luma = (size_t)job->width * job->height;
  /* Twice of all three planes with sides of whole superblocks. */
  const size_t room = (size_t)(job->width + 64) * (job->height + 64) * 3;
  uint8_t *memory = malloc(room);
  if (!memory) return;
  Buffer picture = {.size = sizeof picture, .bytes = memory, .allocated = (uint32_t)room};
  if (svt_av1_get_recon(encoder, &picture) == 0 && picture.filled >= luma && picture.filled <= room)
    job->ssim = similarity(job->luma, memory, job->width, job->height);
  free(memory);
}

static bool send(Job *job, Encoder *encoder) {
  const uint32_t half_width = (job->width + 1) / 2, half_height = (job->height + 1) / 2;
  const size_t luma = (size_t)job->width * job->height, chroma = (size_t)half_width * half_height;
  uint8_t *memory = (uint8_t *)job->pixels;
  if (job->channels != PLANES) memory = job->planes = malloc(luma + 2 * chroma);
  if (!memory) return !failed(job, "malloc", -1);
  Planes planes = {memory, memory + luma, memory + luma + chroma, job->width, half_width, half_width};
  if (job->channels != PLANES) to_planes(job, &planes);
  job->luma = memory;
  Buffer picture = {.size = sizeof picture, .bytes = (uint8_t *)&planes, .filled = (uint32_t)(luma + 2 * chroma), .type = TYPE_UNKNOWN};
  Buffer end = {.size = sizeof end, .flags = END_OF_STREAM, .type = TYPE_UNKNOWN};
  /* The encoder copies the picture before this call returns. */
  const bool sent = !failed(job, "send_picture", svt_av1_enc_send_picture(encoder, &picture)) &&
                    !failed(job, "send_picture", svt_av1_enc_send_picture(encoder, &end));
  return sent;
}

/*
 * As root, SVT-AV1 gives the calling thread the highest real-time priority for good, and its own threads inherit it: Node
 * itself would wait for every picture.
 */
static int32_t init_handle(Encoder **encoder, Configuration *configuration) {
  int policy;
  struct sched_param priority;
  const bool known = pthread_getschedparam(pthread_self(), &policy, &priority) == 0;
  const int32_t status = svt_av1_enc_init_handle(encoder, configuration);
  if (known) pthread_setschedparam(pthread_self(), policy, &priority);
  return status;
}

static void encode(napi_env env, void *data) {
  (void)env;
  Job *job = data;
  Encoder *encoder = NULL;
  Configuration *configuration = calloc(1, sizeof *configuration);
  if (!configuration) {
    failed(job, "calloc", -1);
    return;
  }
  if (!failed(job, "init_handle", init_handle(&encoder, configuration))) {
    if (set_all(job, configuration) && !failed(job, "set_parameter", svt_av1_enc_set_parameter(encoder, configuration)) &&
        !failed(job, "init", svt_av1_enc_init(encoder)) && send(job, encoder)) {
      collect(job, encoder);
      if (job->measures && !job->failed_at) measure(job, encoder);
    }
    svt_av1_enc_deinit(encoder);
    svt_av1_enc_deinit_handle(encoder);
  }
  free(configuration);
}

static void settle(napi_env env, napi_status status, void *data) {
  Job *job = data;
  napi_value result;
  if (status == napi_ok && !job->failed_at && job->length > 0) {
    napi_create_buffer_copy(env, job->length, job->stream, NULL, &result);
    /* Zero unless "ssim" is set. */
    napi_value ssim;
    if (job->ssim > 0 && napi_create_double(env, job->ssim, &ssim) == napi_ok)
      napi_set_named_property(env, result, "ssim", ssim);
    napi_resolve_deferred(env, job->deferred, result);
  } else {
    char text[96];
    snprintf(text, sizeof text, "SVT-AV1 failed at %s: %#x", job->failed_at ? job->failed_at : "the end", (unsigned)job->status);
    napi_value message;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, NULL, message, &result);
    napi_reject_deferred(env, job->deferred, result);
  }
  napi_delete_reference(env, job->held);
  napi_delete_async_work(env, job->work);
  free(job->planes);
  free(job->stream);
  free(job->settings);
  free(job);
}

static size_t length_of(const Job *job) {
  const size_t pixels = (size_t)job->width * job->height, halves = (size_t)((job->width + 1) / 2) * ((job->height + 1) / 2);
  return job->channels == PLANES ? pixels + 2 * halves : pixels * job->channels;
}

/* encode(pixels: Uint8Array, width, height, channels: 1 | 3 | 4, settings: string): Promise<Buffer> */
static napi_value start(napi_env env, napi_callback_info info) {
  napi_value arguments[5], promise, name;
  size_t count = 5, length = 0, text = 0;
  Job *job = calloc(1, sizeof *job);
  if (!job) goto refused;
  void *pixels = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 5 ||
      napi_get_buffer_info(env, arguments[0], &pixels, &length) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &job->width) != napi_ok ||
      napi_get_value_uint32(env, arguments[2], &job->height) != napi_ok ||
      napi_get_value_uint32(env, arguments[3], &job->channels) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[4], NULL, 0, &text) != napi_ok)
    goto refused;
  if ((job->channels != PLANES && job->channels != 3 && job->channels != 4) || job->width == 0 || job->height == 0 ||
      job->width > 65535 || job->height > 65535 || length != length_of(job))
    goto refused;
  job->pixels = pixels;
  job->settings = malloc(text + 1);
  if (!job->settings) goto refused;
  napi_get_value_string_utf8(env, arguments[4], job->settings, text + 1, NULL);
  napi_create_string_utf8(env, "SVT-AV1", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, arguments[0], 1, &job->held);
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_async_work(env, NULL, name, encode, settle, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
refused:
  if (job) free(job->settings);
  free(job);
  napi_throw_range_error(env, NULL, "encode(pixels, width, height, channels, settings): their sizes do not agree");
  return NULL;
}

static napi_value initialise(napi_env env, napi_value exports) {
  const char *version = svt_av1_get_version();
  if (strncmp(version, INTERFACE, strlen(INTERFACE)) != 0) {
    napi_throw_error(env, NULL, "this is not the SVT-AV1 that the addon was written for");
    return NULL;
  }
  svt_av1_set_log_callback(stay_silent, NULL);
  napi_value text, function, measures;
  napi_create_string_utf8(env, version, NAPI_AUTO_LENGTH, &text);
  napi_create_function(env, "encode", NAPI_AUTO_LENGTH, start, NULL, &function);
  napi_set_named_property(env, exports, "version", text);
  napi_set_named_property(env, exports, "encode", function);
  napi_get_boolean(env, strcmp(version, RECONSTRUCTING_VERSION) == 0, &measures);
  napi_set_named_property(env, exports, "measures", measures);
  napi_value planes;
  napi_get_boolean(env, true, &planes);
  napi_set_named_property(env, exports, "planes", planes);
  return exports;
}

NAPI_MODULE(svt_av1, initialise)
