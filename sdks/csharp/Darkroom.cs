using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

/// <summary>
/// Signs Darkroom image URLs: C# 7 or later on .NET Framework, .NET or Mono, no package.
/// <code>
/// var images = new Darkroom("https://img.example.com", Environment.GetEnvironmentVariable("DARKROOM_SIGNING_KEY"));
/// images.Url("listings/42/front.jpg", "card", suffix: "@800w.avif");
/// images.Url("listings/42/front.jpg", "large", download: "chair.webp", version: "3");
/// </code>
/// Bad input throws an ArgumentException that names the option. One instance serves many threads.
/// </summary>
public sealed class Darkroom
{
    // An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
    private const string Slash = @"(?:[/\\]|%(?:25)*(?:2f|5c))";
    private static readonly Regex Climbs = new Regex(
        "(?:^|" + Slash + @")(?:\.|%(?:25)*2e){1,2}(?:" + Slash + @"|\z)|%(?:25)*00",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    private static readonly Regex SuffixPattern =
        new Regex(@"^(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?\z");
    private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

    private readonly string baseUrl;
    private readonly byte[] key;
    private readonly IReadOnlyDictionary<string, string> ownFormats;

    /// <param name="baseUrl">Where the CDN answers.</param>
    /// <param name="key">The server's signing key, hex.</param>
    /// <param name="ownFormats">The format of each preset that has one, such as "thumb": "webp". The server redirects a suffix that
    /// repeats it, so it is left out.</param>
    public Darkroom(string baseUrl, string key, IReadOnlyDictionary<string, string> ownFormats = null)
    {
        if (baseUrl == null || !Regex.IsMatch(baseUrl, "^https?://[^/]"))
            throw new ArgumentException("baseUrl must begin with https:// or http://.");
        if (key == null || !Regex.IsMatch(key, @"^(?:[0-9a-fA-F]{2}){32,}\z"))
            throw new ArgumentException("The signing key must be hex of at least 32 bytes.");
        this.baseUrl = baseUrl.TrimEnd('/');
        this.key = Enumerable.Range(0, key.Length / 2).Select(at => Convert.ToByte(key.Substring(2 * at, 2), 16)).ToArray();
        this.ownFormats = ownFormats ?? new Dictionary<string, string>();
    }

    /// <summary>The whole URL; options as for Path.</summary>
    public string Url(string id, string preset, string suffix = "", long? expiresAt = null, string download = null,
        string version = null, IReadOnlyDictionary<string, string> variables = null)
    {
        return baseUrl + Path(id, preset, suffix, expiresAt, download, version, variables);
    }

    /// <summary>The URL without the host.</summary>
    /// <param name="id">The key of the original in its store.</param>
    /// <param name="preset">A name, or an inline recipe.</param>
    /// <param name="suffix">`@2x`, `@640w`, `.avif` or both.</param>
    /// <param name="expiresAt">Unix seconds, as of DateTimeOffset.ToUnixTimeSeconds.</param>
    /// <param name="download">The name under which browsers save the picture instead of showing it.</param>
    /// <param name="version">The shop's own version of the original.</param>
    /// <param name="variables">Texts for the preset's variables, by name.</param>
    public string Path(string id, string preset, string suffix = "", long? expiresAt = null, string download = null,
        string version = null, IReadOnlyDictionary<string, string> variables = null)
    {
        if (!IsText(id, 1, 512) || id[0] == '/' || Climbs.IsMatch(id))
            throw new ArgumentException("\"" + id + "\" cannot be the id of an image.");
        if (preset == null || !Regex.IsMatch(preset, @"^[A-Za-z0-9_,:-]{1,1024}\z"))
            throw new ArgumentException("\"" + preset + "\" is no preset.");
        var named = Parameters(expiresAt, download, version, variables ?? new Dictionary<string, string>());
        var onlyExp = named.All(parameter => parameter.Key == "exp");
        var signed = onlyExp
            ? "darkroom:v1\n" + preset + "\n" + id + "\n" + named.Select(parameter => parameter.Value).FirstOrDefault()
            : string.Join("\n", new[] { "darkroom:v2", preset, id }.Concat(named.Select(p => p.Key + "=" + p.Value)));
        // A CDN could collapse doubled slashes; then all stand encoded.
        var raw = id.Split('/').Contains("") ? "'" : "'/";
        var query = string.Join("&", named.Select(p => p.Key + "=" + Encode(p.Value, "")));
        return "/" + Signature(signed) + "/" + preset + Canonical(preset, suffix) + "/" + Encode(id, raw)
            + (query == "" ? "" : "?" + query);
    }

    private string Signature(string signed)
    {
        using (var hmac = new HMACSHA256(key))
        {
            var mac = hmac.ComputeHash(Utf8.GetBytes(signed));
            return Convert.ToBase64String(mac, 0, 16).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        }
    }

    private string Canonical(string preset, string suffix)
    {
        var found = SuffixPattern.Match(suffix ?? "?");
        if (!found.Success)
            throw new ArgumentException("\"" + suffix + "\" is no suffix: it reads @2x, @640w, .webp or @640w.webp.");
        var inline = Regex.Match(preset, "(?:^|,)f_([a-z]+)(?:,|$)");
        string own;
        if (!ownFormats.TryGetValue(preset, out own)) own = inline.Groups[1].Value;
        string size = found.Groups[1].Value, format = found.Groups[2].Value;
        return (size == "@1x" ? "" : size) + (format == "" || format == own ? "" : "." + format);
    }

    /// <summary>In the order in which they are signed.</summary>
    private static List<KeyValuePair<string, string>> Parameters(long? expiresAt, string download, string version,
        IReadOnlyDictionary<string, string> variables)
    {
        var named = new List<KeyValuePair<string, string>>();
        Action<string, string, int, int> add = (name, value, least, most) =>
        {
            if (!IsText(value, least, most))
                throw new ArgumentException(
                    name + " is no text of " + least + " to " + most + " bytes without control characters.");
            named.Add(new KeyValuePair<string, string>(name, value));
        };
        if (download != null) add("dl", download, 1, 200);
        if (expiresAt <= 0) throw new ArgumentException("expiresAt must be unix seconds.");
        if (expiresAt > 99999999999) throw new ArgumentException("expiresAt is in milliseconds: it must be unix seconds.");
        if (expiresAt != null) add("exp", expiresAt.Value.ToString(CultureInfo.InvariantCulture), 1, 11);
        if (variables.Count > 8 || !variables.Keys.All(name => Regex.IsMatch(name, @"^[a-z0-9_.]{1,30}\z")))
            throw new ArgumentException("variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.");
        foreach (var name in variables.Keys.OrderBy(name => name, StringComparer.Ordinal))
            add("t." + name, variables[name], 0, 256);
        if (version != null) add("v", version, 1, 128);
        return named;
    }

    private static bool IsText(string value, int least, int most)
    {
        if (value == null || value.Any(char.IsControl)) return false;
        try
        {
            var bytes = Utf8.GetByteCount(value);
            return bytes >= least && bytes <= most;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>As JavaScript's encodeURIComponent, save for the apostrophe, which stands in raw where it is not encoded.</summary>
    private static string Encode(string text, string raw)
    {
        var encoded = new StringBuilder();
        foreach (var value in Utf8.GetBytes(text))
        {
            var sign = (char)value;
            var letter = sign >= 'a' && sign <= 'z' || sign >= 'A' && sign <= 'Z' || sign >= '0' && sign <= '9';
            if (letter || ("_.!~*()-" + raw).IndexOf(sign) >= 0) encoded.Append(sign);
            else encoded.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }
}
