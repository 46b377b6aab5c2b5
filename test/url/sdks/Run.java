import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or {@code ! <message>} for each. */
final class Run {
  public static void main(String[] arguments) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] fields = line.split("\t");
      Darkroom.Options options = new Darkroom.Options().suffix(text(fields[2]));
      if (!fields[5].equals("x")) options.expiresAt(Long.parseLong(fields[5].substring(1)));
      Map<String, String> variables = new HashMap<>();
      for (String part : Arrays.copyOfRange(fields, 6, fields.length)) {
        String[] named = part.split("=");
        if (named[0].equals("dl")) options.download(text(named[1]));
        else if (named[0].equals("v")) options.version(text(named[1]));
        else variables.put(named[0].substring(2), text(named[1]));
      }
      options.variables(variables);
      try {
        Map<String, String> own = fields[3].equals("x") ? Map.of() : Map.of(text(fields[1]), text(fields[3]));
        Darkroom images = new Darkroom("https://a.example/", text(fields[0]), own);
        String path = images.path(text(fields[4]), text(fields[1]), options);
        if (!images.url(text(fields[4]), text(fields[1]), options).equals("https://a.example" + path))
          throw new IllegalStateException("the URL is not host and path");
        out.println(path);
      } catch (IllegalArgumentException error) {
        out.println("! " + error.getMessage().replace('\n', ' '));
      }
    }
  }

  private static String text(String field) {
    byte[] bytes = new byte[field.length() / 2];
    for (int at = 0; at < bytes.length; at++) bytes[at] = (byte) Integer.parseInt(field.substring(2 * at + 1, 2 * at + 3), 16);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
