import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signs Darkroom image URLs: Java 11 or later, nothing beside the JDK. Put it into a package of yours.
 *
 * <pre>
 * Darkroom images = new Darkroom("https://img.example.com", System.getenv("DARKROOM_SIGNING_KEY"), Map.of());
 * images.url("listings/42/front.jpg", "card", new Darkroom.Options().suffix("@800w.avif"));
 * images.url("listings/42/front.jpg", "large", new Darkroom.Options().download("chair.webp").version("3"));
 * </pre>
 *
 * Bad input throws an IllegalArgumentException that names the option. One instance serves many threads.
 */
public final class Darkroom {
  // An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
  private static final String SLASH = "(?:[/\\\\]|%(?:25)*(?:2f|5c))";
  private static final Pattern CLIMBS =
      Pattern.compile("(?i)(?:^|" + SLASH + ")(?:\\.|%(?:25)*2e){1,2}(?:" + SLASH + "|\\z)|%(?:25)*00");
  private static final Pattern SUFFIX =
      Pattern.compile("(@(?:0|[1-9][0-9]*)(?:\\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\\.([a-z]+))?");
  private static final Pattern INLINE_FORMAT = Pattern.compile("(?:^|,)f_([a-z]+)(?:,|$)");

  private final String baseUrl;
  private final SecretKeySpec key;
  private final Map<String, String> ownFormats;

  /** What one URL may carry; all of it is optional. */
  public static final class Options {
    private String suffix = "";
    private Long expiresAt;
    private String download;
    private String version;
    private Map<String, String> variables = Map.of();

    /** {@code @2x}, {@code @640w}, {@code .avif} or both. */
    public Options suffix(String suffix) {
      this.suffix = suffix;
      return this;
    }

    /** Unix seconds, as of {@code Instant.getEpochSecond()}. */
    public Options expiresAt(long seconds) {
      this.expiresAt = seconds;
      return this;
    }

    /** The name under which browsers save the picture instead of showing it. */
    public Options download(String name) {
      this.download = name;
      return this;
    }

    /** The shop's own version of the original. */
    public Options version(String version) {
      this.version = version;
      return this;
    }

    /** Texts for the preset's variables, by name. */
    public Options variables(Map<String, String> variables) {
      this.variables = variables;
      return this;
    }
  }

  /**
   * @param key the server's signing key, hex
   * @param ownFormats the format of each preset that has one, such as {@code Map.of("thumb", "webp")}: the server redirects a
   *     suffix that repeats it, so it is left out
   */
  public Darkroom(String baseUrl, String key, Map<String, String> ownFormats) {
    if (baseUrl == null || !baseUrl.matches("https?://[^/].*"))
      throw new IllegalArgumentException("baseUrl must begin with https:// or http://.");
    if (key == null || !key.matches("(?:[0-9a-fA-F]{2}){32,}"))
      throw new IllegalArgumentException("The signing key must be hex of at least 32 bytes.");
    byte[] bytes = new byte[key.length() / 2];
    for (int at = 0; at < bytes.length; at++) bytes[at] = (byte) Integer.parseInt(key.substring(2 * at, 2 * at + 2), 16);
    this.baseUrl = baseUrl.replaceAll("/+$", "");
    this.key = new SecretKeySpec(bytes, "HmacSHA256");
    this.ownFormats = Map.copyOf(ownFormats);
  }

  /** The whole URL. */
  public String url(String id, String preset, Options options) {
    return baseUrl + path(id, preset, options);
  }

  /** The URL without the host. */
  public String path(String id, String preset, Options options) {
    if (!isText(id, 1, 512) || id.startsWith("/") || CLIMBS.matcher(id).find())
      throw new IllegalArgumentException("\"" + id + "\" cannot be the id of an image.");
    if (preset == null || !preset.matches("[A-Za-z0-9_,:-]{1,1024}"))
      throw new IllegalArgumentException("\"" + preset + "\" is no preset.");
    Map<String, String> named = parameters(options);
    StringBuilder lines = new StringBuilder();
    StringBuilder query = new StringBuilder();
    named.forEach((name, value) -> {
      lines.append('\n').append(name).append('=').append(value);
      query.append(query.length() == 0 ? '?' : '&').append(name).append('=').append(encode(value, ""));
    });
    boolean onlyExp = named.keySet().stream().allMatch("exp"::equals);
    String signed = onlyExp
        ? "darkroom:v1\n" + preset + "\n" + id + "\n" + named.getOrDefault("exp", "")
        : "darkroom:v2\n" + preset + "\n" + id + lines;
    // A CDN could collapse doubled slashes; then all stand encoded.
    String raw = id.contains("//") || id.endsWith("/") ? "'" : "'/";
    return "/" + signature(signed) + "/" + preset + canonical(preset, options.suffix) + "/" + encode(id, raw) + query;
  }

  private String signature(String signed) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      byte[] bytes = mac.doFinal(signed.getBytes(StandardCharsets.UTF_8));
      return Base64.getUrlEncoder().withoutPadding().encodeToString(java.util.Arrays.copyOf(bytes, 16));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException("Every JDK has HmacSHA256.", impossible);
    }
  }

  private String canonical(String preset, String suffix) {
    Matcher found = SUFFIX.matcher(suffix == null ? "?" : suffix);
    if (!found.matches())
      throw new IllegalArgumentException("\"" + suffix + "\" is no suffix: it reads @2x, @640w, .webp or @640w.webp.");
    String size = found.group(1) == null || found.group(1).equals("@1x") ? "" : found.group(1);
    Matcher inline = INLINE_FORMAT.matcher(preset);
    String own = ownFormats.getOrDefault(preset, inline.find() ? inline.group(1) : "");
    return size + (found.group(2) == null || found.group(2).equals(own) ? "" : "." + found.group(2));
  }

  /** In the order in which they are signed. */
  private static Map<String, String> parameters(Options options) {
    Map<String, String> named = new TreeMap<>();
    if (options.download != null) named.put("dl", text("dl", options.download, 1, 200));
    if (options.expiresAt != null) {
      if (options.expiresAt <= 0) throw new IllegalArgumentException("expiresAt must be unix seconds.");
      if (options.expiresAt > 99_999_999_999L)
        throw new IllegalArgumentException("expiresAt is in milliseconds: it must be unix seconds.");
      named.put("exp", Long.toString(options.expiresAt));
    }
    options.variables.forEach((name, value) -> {
      if (options.variables.size() > 8 || !name.matches("[a-z0-9_.]{1,30}"))
        throw new IllegalArgumentException("variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.");
      named.put("t." + name, text("t." + name, value, 0, 256));
    });
    if (options.version != null) named.put("v", text("v", options.version, 1, 128));
    return named;
  }

  private static String text(String name, String value, int least, int most) {
    if (isText(value, least, most)) return value;
    throw new IllegalArgumentException(
        name + " is no text of " + least + " to " + most + " bytes without control characters.");
  }

  private static boolean isText(String value, int least, int most) {
    if (value == null || value.codePoints().anyMatch(sign -> Character.getType(sign) == Character.CONTROL)) return false;
    try {
      // Throws for half of a surrogate pair, for which getBytes would write a question mark.
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
      return bytes.remaining() >= least && bytes.remaining() <= most;
    } catch (CharacterCodingException noText) {
      return false;
    }
  }

  /** As JavaScript's encodeURIComponent, save for the apostrophe, which stands in {@code raw} where it is not encoded. */
  private static String encode(String text, String raw) {
    StringBuilder out = new StringBuilder();
    for (byte sign : text.getBytes(StandardCharsets.UTF_8)) {
      boolean letter = sign >= 'a' && sign <= 'z' || sign >= 'A' && sign <= 'Z' || sign >= '0' && sign <= '9';
      if (letter || ("_.!~*()-" + raw).indexOf(sign) >= 0) out.append((char) sign);
      else out.append(String.format("%%%02X", sign));
    }
    return out.toString();
  }
}
