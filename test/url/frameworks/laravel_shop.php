<?php

declare(strict_types=1);

// A shop of Laravel around the code of docs/laravel.md, which test/url/frameworks.test.ts wrote into the folder of the first argument.
//
// Reads {"listing": {"photo", "title"}, "urls": [[id, preset, options], ...], "code": [PHP that gives a URL, ...]} as JSON, and writes
// {"version", "page", "urls", "code"}: the page of a route, and URLs by the provider's signer.

use Illuminate\Contracts;
use Illuminate\Foundation;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;

// Debian's packages; PHP 8.2 deprecates what this version of Laravel does.
error_reporting(E_ALL & ~E_DEPRECATED);
require 'Illuminate/autoload.php';

[, $folder] = $argv;
$asked = json_decode(stream_get_contents(STDIN), true, flags: JSON_THROW_ON_ERROR);
spl_autoload_register(function (string $class) use ($folder): void {
    $file = $folder . '/app/' . str_replace(['App\\', '\\'], ['', '/'], $class) . '.php';
    if (str_starts_with($class, 'App\\') && is_file($file)) {
        require $file;
    }
});

$app = new Foundation\Application($folder);
$app->singleton(Contracts\Http\Kernel::class, Foundation\Http\Kernel::class);
$app->singleton(Contracts\Debug\ExceptionHandler::class, Foundation\Exceptions\Handler::class);
$kernel = $app->make(Contracts\Http\Kernel::class);
$app->booted(fn () => Route::get('/', fn () => view('listing', ['listing' => (object) $asked['listing']])));
$answer = $kernel->handle(Request::create('/'));
if ($answer->getStatusCode() !== 200) {
    throw $answer->exception ?? new RuntimeException($answer->getContent());
}

$images = $app->make(App\Support\Darkroom::class);
$id = 'a.jpg';
echo json_encode([
    'version' => $app->version(),
    'page' => $answer->getContent(),
    'urls' => array_map(fn ($each) => $images->url($each[0], $each[1], ...$each[2]), $asked['urls']),
    'code' => array_map(function ($code) use ($images, $id) { return eval("return $code;"); }, $asked['code']),
], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
