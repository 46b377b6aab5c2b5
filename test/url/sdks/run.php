<?php

// Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each.
require __DIR__ . '/../../../sdks/php/Darkroom.php';

$text = fn (string $field): string => hex2bin(substr($field, 1));
while (($line = fgets(STDIN)) !== false) {
    [$key, $preset, $suffix, $own, $id, $exp] = $fields = explode("\t", rtrim($line, "\n"));
    $others = [];
    foreach (array_slice($fields, 6) as $part) {
        [$name, $value] = explode('=', $part);
        $others[$name] = $text($value);
    }
    $options = [
        'suffix' => $text($suffix),
        'expiresAt' => $exp === 'x' ? null : (int) substr($exp, 1),
        'download' => $others['dl'] ?? null,
        'version' => $others['v'] ?? null,
        'variables' => [],
    ];
    foreach ($others as $name => $value) {
        if (str_starts_with($name, 't.')) {
            $options['variables'][substr($name, 2)] = $value;
        }
    }
    try {
        $images = new Darkroom('https://a.example/', $text($key), $own === 'x' ? [] : [$text($preset) => $text($own)]);
        $path = $images->path($text($id), $text($preset), ...$options);
        if ($images->url($text($id), $text($preset), ...$options) !== "https://a.example$path") {
            throw new LogicException('the URL is not host and path');
        }
        echo $path, "\n";
    } catch (InvalidArgumentException $error) {
        echo '! ', str_replace("\n", ' ', $error->getMessage()), "\n";
    }
}
