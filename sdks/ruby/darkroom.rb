# frozen_string_literal: true

require 'openssl'

# Signs Darkroom image URLs: Ruby 2.7 or later, no gem beside the standard library.
#
#   images = Darkroom.new('https://img.example.com', ENV.fetch('DARKROOM_SIGNING_KEY'))
#   images.url('listings/42/front.jpg', 'card', suffix: '@800w.avif')
#   images.url('listings/42/front.jpg', 'large', download: 'chair.webp', version: '3')
#
# Texts are UTF-8. Bad input raises an ArgumentError that names the option.
class Darkroom
  CONTROL = /[\u0000-\u001f\u007f-\u009f]/.freeze
  # An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
  SLASH = %r{(?:[/\\]|%(?:25)*(?:2f|5c))}i.freeze
  CLIMBS = /(?:\A|#{SLASH})(?:\.|%(?:25)*2e){1,2}(?:#{SLASH}|\z)|%(?:25)*00/i.freeze
  private_constant :CONTROL, :SLASH, :CLIMBS

  # `key`: the server's signing key, hex. `own_formats`: the format of each preset that has one, such as
  # { 'thumb' => 'webp' }: the server redirects a suffix that repeats it, so it is left out.
  def initialize(base_url, key, own_formats: {})
    raise ArgumentError, 'base_url must begin with https:// or http://.' unless %r{\Ahttps?://[^/]}.match?(base_url.to_s)
    unless /\A(?:[0-9a-f]{2}){32,}\z/i.match?(key.to_s)
      raise ArgumentError, 'The signing key must be hex of at least 32 bytes.'
    end

    @base_url = base_url.sub(%r{/+\z}, '')
    @key = [key].pack('H*')
    @own_formats = own_formats
  end

  # The whole URL; options as for `path`.
  def url(id, preset, **options)
    @base_url + path(id, preset, **options)
  end

  # `suffix`: `@2x`, `@640w`, `.avif` or both. `expires_at`: unix seconds or a Time. `variables`: texts by name.
  def path(id, preset, suffix: '', expires_at: nil, download: nil, version: nil, variables: {})
    id = check_id(id)
    preset = preset.to_s
    raise ArgumentError, "#{preset.inspect} is no preset." unless /\A[A-Za-z0-9_,:-]{1,1024}\z/.match?(preset)

    named = parameters(expires_at, download, version, variables)
    signed = if (named.keys - ['exp']).empty?
               "darkroom:v1\n#{preset}\n#{id}\n#{named['exp']}"
             else
               ['darkroom:v2', preset, id, *named.map { |name, value| "#{name}=#{value}" }].join("\n")
             end
    mac = OpenSSL::HMAC.digest('SHA256', @key, signed)[0, 16]
    signature = [mac].pack('m0').tr('+/', '-_').delete('=')
    # A CDN could collapse doubled slashes; then all stand encoded.
    raw = id.split('/', -1).include?('') ? "'" : "'/"
    query = named.map { |name, value| "#{name}=#{encode(value, '')}" }.join('&')
    path = "/#{signature}/#{preset}#{canonical(preset, suffix.to_s)}/#{encode(id, raw)}"
    query.empty? ? path : "#{path}?#{query}"
  end

  private

  def canonical(preset, suffix)
    found = /\A(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?\z/.match(suffix)
    raise ArgumentError, "#{suffix.inspect} is no suffix: it reads @2x, @640w, .webp or @640w.webp." unless found

    own = @own_formats[preset] || preset[/(?:\A|,)f_([a-z]+)(?:,|\z)/, 1]
    (found[1] == '@1x' ? '' : found[1].to_s) + (found[2].nil? || found[2] == own ? '' : ".#{found[2]}")
  end

  # In the order in which they are signed.
  def parameters(expires_at, download, version, variables)
    variables = variables.transform_keys(&:to_s)
    unless variables.size <= 8 && variables.keys.all? { |name| /\A[a-z0-9_.]{1,30}\z/.match?(name) }
      raise ArgumentError, 'variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.'
    end

    given = {}
    given['dl'] = text('dl', download, 1, 200) unless download.nil?
    given['exp'] = seconds(expires_at).to_s unless expires_at.nil?
    variables.sort.each { |name, value| given["t.#{name}"] = text("t.#{name}", value, 0, 256) }
    given['v'] = text('v', version, 1, 128) unless version.nil?
    given
  end

  def seconds(expires_at)
    whole = expires_at.is_a?(Time) ? expires_at.to_i : expires_at
    raise ArgumentError, 'expires_at must be whole unix seconds or a Time.' unless whole.is_a?(Integer) && whole.positive?
    raise ArgumentError, 'expires_at is in milliseconds: it must be unix seconds.' if whole > 99_999_999_999

    whole
  end

  def text(name, value, least, most)
    value = utf8(value)
    return value if value && value.bytesize.between?(least, most) && !CONTROL.match?(value)

    raise ArgumentError, "#{name} is no text of #{least} to #{most} bytes without control characters."
  end

  def check_id(id)
    text = utf8(id)
    fine = text && text.bytesize.between?(1, 512) && !text.start_with?('/') && !CONTROL.match?(text) && !CLIMBS.match?(text)
    fine ? text : raise(ArgumentError, "#{id.inspect} cannot be the id of an image.")
  end

  # Bytes without an encoding count as UTF-8; nil for what is no text.
  def utf8(value)
    return unless value.is_a?(String)

    text = value.encoding == Encoding::BINARY ? value.dup.force_encoding('UTF-8') : value.encode('UTF-8')
    text if text.valid_encoding?
  rescue EncodingError
    nil
  end

  # As JavaScript's encodeURIComponent, save for the apostrophe, which stands in `raw` where it is not encoded.
  def encode(text, raw)
    text.b.gsub(/[^A-Za-z0-9_.!~*()-]/) { |byte| raw.include?(byte) ? byte : format('%%%02X', byte.ord) }
  end
end
