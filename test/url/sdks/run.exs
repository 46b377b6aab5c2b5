# Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each.
Code.require_file("../../../sdks/elixir/darkroom.ex", __DIR__)
:io.setopts(:standard_io, encoding: :latin1)
text = fn "x" <> hex -> Base.decode16!(hex, case: :lower) end

for line <- IO.stream(:stdio, :line) do
  [key, preset, suffix, own, id, exp | named] = line |> String.trim_trailing("\n") |> String.split("\t")
  others = Map.new(named, fn part -> [name, value] = String.split(part, "="); {name, text.(value)} end)
  variables = for {"t." <> name, value} <- others, into: %{}, do: {name, value}
  "x" <> seconds = exp

  options = [
    suffix: text.(suffix),
    expires_at: if(seconds != "", do: String.to_integer(seconds)),
    download: others["dl"],
    version: others["v"],
    variables: variables
  ]

  try do
    formats = if own == "x", do: %{}, else: %{text.(preset) => text.(own)}
    images = Darkroom.new("https://a.example/", text.(key), formats)
    path = Darkroom.path(images, text.(id), text.(preset), options)
    true = Darkroom.url(images, text.(id), text.(preset), options) == "https://a.example" <> path
    IO.binwrite([path, "\n"])
  rescue
    error in ArgumentError -> IO.binwrite(["! ", String.replace(error.message, "\n", " "), "\n"])
  end
end
