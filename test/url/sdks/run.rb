# frozen_string_literal: true

# Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each.
require_relative '../../../sdks/ruby/darkroom'

text = ->(field) { [field[1..]].pack('H*').force_encoding('UTF-8') }
$stdin.each_line(chomp: true) do |line|
  key, preset, suffix, own, id, exp, *named = line.split("\t")
  others = named.to_h { |part| part.split('=').then { |name, value| [name, text.call(value)] } }
  options = {
    suffix: text.call(suffix), expires_at: exp == 'x' ? nil : Integer(exp[1..]), download: others.delete('dl'),
    version: others.delete('v'), variables: others.transform_keys { |name| name[2..] }
  }
  begin
    formats = own == 'x' ? {} : { text.call(preset) => text.call(own) }
    images = Darkroom.new('https://a.example/', text.call(key), own_formats: formats)
    path = images.path(text.call(id), text.call(preset), **options)
    raise 'the URL is not host and path' unless images.url(text.call(id), text.call(preset), **options) == "https://a.example#{path}"

    puts path
  rescue ArgumentError => e
    puts "! #{e.message.tr("\n", ' ')}"
  end
end
