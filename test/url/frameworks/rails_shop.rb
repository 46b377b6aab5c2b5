# frozen_string_literal: true

# A shop of Rails around the code of docs/rails.md, which test/url/frameworks.test.ts wrote into the folder of the first argument.
#
# Reads { "listing": { "photo", "title" }, "urls": [[id, preset, options], ...], "code": [Ruby that gives a URL, ...], "credentials": key
# or nothing } as JSON, and writes { "version", "page", "urls", "code" }: the page of a controller, and URLs by the initializer's signer.
# With credentials the key stands there, encrypted, and not in the environment.

require 'json'
require 'logger'
require 'rails'
require 'action_controller/railtie'
require 'action_view/railtie'

FOLDER = ARGV.fetch(0)
ASKED = JSON.parse($stdin.read)

class Shop < Rails::Application
  config.root = FOLDER
  config.load_defaults Rails::VERSION::STRING.to_f
  config.eager_load = false
  config.secret_key_base = 'test' * 16
  config.logger = Logger.new($stderr)
  config.log_level = :warn
  config.consider_all_requests_local = true
  config.hosts.clear
end

if ASKED['credentials']
  ENV['RAILS_MASTER_KEY'] = ActiveSupport::EncryptedFile.generate_key
  Rails.application.credentials.write("darkroom:\n  key: #{ASKED['credentials']}\n")
end

Rails.application.initialize!
Rails.application.routes.draw { root to: 'listings#show' }

Listing = Struct.new(:photo, :title, keyword_init: true)

# Inherits all helpers of the shop, as controllers do.
class ListingsController < ActionController::Base
  def show
    @listing = Listing.new(**ASKED['listing'].transform_keys(&:to_sym))
  end
end

status, _headers, body = Rails.application.call(Rack::MockRequest.env_for('http://shop.example/'))
page = +''
body.each { |part| page << part }
raise page unless status == 200

urls = ASKED['urls'].map { |id, preset, options| IMAGES.url(id, preset, **options.transform_keys(&:to_sym)) }
id = 'a.jpg'
code = ASKED['code'].map { |text| eval(text, binding) }
$stdout.write({ version: Rails::VERSION::STRING, page: page, urls: urls, code: code }.to_json)
