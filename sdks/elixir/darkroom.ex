defmodule Darkroom do
  @moduledoc """
  Signs Darkroom image URLs: Elixir 1.12 or later on OTP 24 or later, no package.

      images = Darkroom.new("https://img.example.com", System.fetch_env!("DARKROOM_SIGNING_KEY"))
      Darkroom.url(images, "listings/42/front.jpg", "card", suffix: "@800w.avif")
      Darkroom.url(images, "listings/42/front.jpg", "large", download: "chair.webp", version: "3")

  Bad input raises an ArgumentError that names the option.
  """

  @enforce_keys [:base_url, :key, :own_formats]
  @derive {Inspect, except: [:key]}
  defstruct [:base_url, :key, :own_formats]

  @doc """
  `key`: the server's signing key, hex. `own_formats`: the format of each preset that has one, such as
  `%{"thumb" => "webp"}`: the server redirects a suffix that repeats it, so it is left out.
  """
  def new(base_url, key, own_formats \\ %{}) do
    unless is_binary(base_url) and base_url =~ ~r{\Ahttps?://[^/]},
      do: raise(ArgumentError, "base_url must begin with https:// or http://.")

    unless is_binary(key) and key =~ ~r/\A(?:[0-9a-f]{2}){32,}\z/i,
      do: raise(ArgumentError, "The signing key must be hex of at least 32 bytes.")

    key = Base.decode16!(key, case: :mixed)
    %__MODULE__{base_url: String.trim_trailing(base_url, "/"), key: key, own_formats: own_formats}
  end

  @doc "The whole URL; options as for `path/4`."
  def url(%__MODULE__{} = images, id, preset, options \\ []),
    do: images.base_url <> path(images, id, preset, options)

  @doc """
  Options: `:suffix` (`@2x`, `@640w`, `.avif` or both), `:expires_at` (unix seconds or a DateTime), `:download`, `:version`,
  `:variables` (a map of texts by name).
  """
  def path(%__MODULE__{} = images, id, preset, options \\ []) do
    check_id(id)

    unless is_binary(preset) and preset =~ ~r/\A[A-Za-z0-9_,:-]{1,1024}\z/,
      do: raise(ArgumentError, "#{inspect(preset)} is no preset.")

    named = parameters(options)

    signed =
      case named do
        [] -> "darkroom:v1\n#{preset}\n#{id}\n"
        [{"exp", seconds}] -> "darkroom:v1\n#{preset}\n#{id}\n#{seconds}"
        _ -> Enum.join(["darkroom:v2", preset, id | Enum.map(named, fn {name, value} -> "#{name}=#{value}" end)], "\n")
      end

    mac = :crypto.mac(:hmac, :sha256, images.key, signed)
    signature = Base.url_encode64(binary_part(mac, 0, 16), padding: false)
    # A CDN could collapse doubled slashes; then all stand encoded.
    raw = if "" in String.split(id, "/"), do: ~c"'", else: ~c"'/"
    query = Enum.map_join(named, "&", fn {name, value} -> "#{name}=#{encode(value, [])}" end)
    suffix = canonical(images, preset, Keyword.get(options, :suffix, ""))
    path = "/#{signature}/#{preset}#{suffix}/#{encode(id, raw)}"
    if query == "", do: path, else: "#{path}?#{query}"
  end

  defp canonical(images, preset, suffix) do
    case Regex.run(~r/\A(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?\z/, "#{suffix}") do
      nil ->
        raise ArgumentError, "#{inspect(suffix)} is no suffix: it reads @2x, @640w, .webp or @640w.webp."

      [_ | parts] ->
        size = Enum.at(parts, 0, "")
        format = Enum.at(parts, 1, "")
        inline = Regex.run(~r/(?:\A|,)f_([a-z]+)(?:,|\z)/, preset, capture: :all_but_first)
        own = Map.get(images.own_formats, preset) || List.first(inline || [])
        if(size == "@1x", do: "", else: size) <> if(format in ["", own], do: "", else: ".#{format}")
    end
  end

  # Names and values in the order in which they are signed.
  defp parameters(options) do
    variables = Map.new(Keyword.get(options, :variables, %{}), fn {name, value} -> {to_string(name), value} end)

    unless map_size(variables) <= 8 and Enum.all?(Map.keys(variables), &(&1 =~ ~r/\A[a-z0-9_.]{1,30}\z/)),
      do: raise(ArgumentError, "variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.")

    texts = for {name, value} <- Enum.sort(variables), do: {"t.#{name}", text("t.#{name}", value, 0, 256)}
    download = options[:download]
    version = options[:version]

    if(is_nil(download), do: [], else: [{"dl", text("dl", download, 1, 200)}]) ++
      expiry(options[:expires_at]) ++
      texts ++ if(is_nil(version), do: [], else: [{"v", text("v", version, 1, 128)}])
  end

  defp expiry(nil), do: []
  defp expiry(%DateTime{} = time), do: expiry(DateTime.to_unix(time))

  defp expiry(seconds) when is_integer(seconds) and seconds > 99_999_999_999,
    do: raise(ArgumentError, "expires_at is in milliseconds: it must be unix seconds.")

  defp expiry(seconds) when is_integer(seconds) and seconds > 0, do: [{"exp", Integer.to_string(seconds)}]
  defp expiry(_), do: raise(ArgumentError, "expires_at must be whole unix seconds or a DateTime.")

  defp text(name, value, least, most) do
    if text?(value, least, most),
      do: value,
      else: raise(ArgumentError, "#{name} is no text of #{least} to #{most} bytes without control characters.")
  end

  defp text?(value, least, most) do
    is_binary(value) and byte_size(value) in least..most and String.valid?(value) and
      not (value =~ ~r/[\x{0}-\x{1f}\x{7f}-\x{9f}]/u)
  end

  # An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
  defp check_id(id) do
    slash = ~S"(?:[/\\]|%(?:25)*(?:2f|5c))"
    climbs = Regex.compile!("(?:\\A|#{slash})(?:\\.|%(?:25)*2e){1,2}(?:#{slash}|\\z)|%(?:25)*00", "i")

    unless text?(id, 1, 512) and not String.starts_with?(id, "/") and not (id =~ climbs),
      do: raise(ArgumentError, "#{inspect(id)} cannot be the id of an image.")
  end

  # As JavaScript's encodeURIComponent, save for the apostrophe, which stands in `raw` where it is not encoded.
  defp encode(text, raw) do
    for <<byte <- text>>, into: "" do
      if byte in ?a..?z or byte in ?A..?Z or byte in ?0..?9 or byte in ~c"_.!~*()-" or byte in raw,
        do: <<byte>>,
        else: "%" <> Base.encode16(<<byte>>)
    end
  end
end
