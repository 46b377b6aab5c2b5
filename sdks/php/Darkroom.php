<?php

declare(strict_types=1);

/**
 * Signs Darkroom image URLs: PHP 8.0 or later, with the extensions that PHP always has.
 *
 *     $images = new Darkroom('https://img.example.com', getenv('DARKROOM_SIGNING_KEY'));
 *     $images->url('listings/42/front.jpg', 'card', suffix: '@800w.avif');
 *     $images->url('listings/42/front.jpg', 'large', download: 'chair.webp', version: '3');
 *
 * Texts are UTF-8. Bad input throws an InvalidArgumentException that names the option.
 */
final class Darkroom
{
    private const CONTROL = '/[\x{0}-\x{1f}\x{7f}-\x{9f}]/u';
    // An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
    private const SLASH = '(?:[\/\\\\]|%(?:25)*(?:2f|5c))';
    private const CLIMBS = '/(?:^|' . self::SLASH . ')(?:\.|%(?:25)*2e){1,2}(?:' . self::SLASH . '|$)|%(?:25)*00/iD';

    private string $baseUrl;
    private string $key;

    /**
     * @param string $key the server's signing key, hex
     * @param array<string, string> $ownFormats the format of each preset that has one, such as ['thumb' => 'webp']: the
     *     server redirects a suffix that repeats it, so it is left out
     */
    public function __construct(string $baseUrl, string $key, private array $ownFormats = [])
    {
        if (!preg_match('#^https?://[^/]#', $baseUrl)) {
            throw new InvalidArgumentException('baseUrl must begin with https:// or http://.');
        }
        if (!preg_match('/^(?:[0-9a-f]{2}){32,}$/iD', $key)) {
            throw new InvalidArgumentException('The signing key must be hex of at least 32 bytes.');
        }
        $this->baseUrl = rtrim($baseUrl, '/');
        $this->key = hex2bin($key);
    }

    /** The whole URL; options as for path(). @param array<string, string> $variables */
    public function url(
        string $id,
        string $preset,
        string $suffix = '',
        ?int $expiresAt = null,
        ?string $download = null,
        ?string $version = null,
        array $variables = []
    ): string {
        return $this->baseUrl . $this->path($id, $preset, $suffix, $expiresAt, $download, $version, $variables);
    }

    /**
     * @param string $suffix `@2x`, `@640w`, `.avif` or both
     * @param int|null $expiresAt unix seconds
     * @param array<string, string> $variables texts by name
     */
    public function path(
        string $id,
        string $preset,
        string $suffix = '',
        ?int $expiresAt = null,
        ?string $download = null,
        ?string $version = null,
        array $variables = []
    ): string {
        if (!self::isText($id, 1, 512) || $id[0] === '/' || preg_match(self::CLIMBS, $id)) {
            throw new InvalidArgumentException("\"$id\" cannot be the id of an image.");
        }
        if (!preg_match('/^[A-Za-z0-9_,:-]{1,1024}$/D', $preset)) {
            throw new InvalidArgumentException("\"$preset\" is no preset.");
        }
        $named = self::parameters($expiresAt, $download, $version, $variables);
        $lines = [];
        $query = [];
        foreach ($named as $name => $value) {
            $lines[] = "$name=$value";
            $query[] = "$name=" . self::encode($value, ["'" => '%27']);
        }
        $signed = array_diff(array_keys($named), ['exp']) === []
            ? "darkroom:v1\n$preset\n$id\n" . ($named['exp'] ?? '')
            : implode("\n", ['darkroom:v2', $preset, $id, ...$lines]);
        $mac = substr(hash_hmac('sha256', $signed, $this->key, true), 0, 16);
        $signature = rtrim(strtr(base64_encode($mac), '+/', '-_'), '=');
        // A CDN could collapse doubled slashes; then all stand encoded.
        $slashes = in_array('', explode('/', $id), true) ? [] : ['%2F' => '/'];
        $path = "/$signature/$preset" . $this->suffix($preset, $suffix) . '/' . self::encode($id, $slashes);
        return $query === [] ? $path : $path . '?' . implode('&', $query);
    }

    private function suffix(string $preset, string $suffix): string
    {
        $reads = '/^(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?$/D';
        if (!preg_match($reads, $suffix, $found)) {
            throw new InvalidArgumentException("\"$suffix\" is no suffix: it reads @2x, @640w, .webp or @640w.webp.");
        }
        [, $size, $format] = $found + ['', '', ''];
        $inline = preg_match('/(?:^|,)f_([a-z]+)(?:,|$)/', $preset, $found) ? $found[1] : null;
        $own = $this->ownFormats[$preset] ?? $inline;
        return ($size === '@1x' ? '' : $size) . ($format === '' || $format === $own ? '' : ".$format");
    }

    /** @return array<string, string> in the order in which they are signed */
    private static function parameters(?int $expiresAt, ?string $download, ?string $version, array $variables): array
    {
        $given = [];
        if ($download !== null) {
            $given['dl'] = self::text('dl', $download, 1, 200);
        }
        if ($expiresAt !== null) {
            if ($expiresAt <= 0) {
                throw new InvalidArgumentException('expiresAt must be whole unix seconds.');
            }
            if ($expiresAt > 99_999_999_999) {
                throw new InvalidArgumentException('expiresAt is in milliseconds: it must be unix seconds.');
            }
            $given['exp'] = (string) $expiresAt;
        }
        // PHP makes whole numbers of names such as "10", and would sort them as numbers.
        ksort($variables, SORT_STRING);
        foreach ($variables as $name => $value) {
            if (count($variables) > 8 || !preg_match('/^[a-z0-9_.]{1,30}$/D', (string) $name)) {
                throw new InvalidArgumentException('variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.');
            }
            $given["t.$name"] = self::text("t.$name", $value, 0, 256);
        }
        if ($version !== null) {
            $given['v'] = self::text('v', $version, 1, 128);
        }
        return $given;
    }

    private static function text(string $name, string $value, int $least, int $most): string
    {
        if (!self::isText($value, $least, $most)) {
            throw new InvalidArgumentException("$name is no text of $least to $most bytes without control characters.");
        }
        return $value;
    }

    /** preg_match gives false, not 0, for what is no UTF-8. */
    private static function isText(string $value, int $least, int $most): bool
    {
        $bytes = strlen($value);
        return $bytes >= $least && $bytes <= $most && preg_match(self::CONTROL, $value) === 0;
    }

    /** As JavaScript's encodeURIComponent. */
    private static function encode(string $text, array $changes): string
    {
        $raw = ['%21' => '!', '%2A' => '*', '%27' => "'", '%28' => '(', '%29' => ')'];
        return strtr(strtr(rawurlencode($text), $raw), $changes);
    }
}
