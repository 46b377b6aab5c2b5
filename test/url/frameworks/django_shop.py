"""A shop of Django around the code of docs/django.md, which test/url/frameworks.test.ts wrote into the folder of the first argument.

Reads {"listing": {"photo", "title"}, "urls": [[id, preset, options], ...], "code": [keyword arguments as Python, ...]} as JSON, and
writes {"version", "page", "urls", "code"}: the page of a view, and URLs by the template tag.
"""
import json
import sys
import time  # noqa: F401, for the code of the page

sys.path.insert(0, sys.argv[1])
asked = json.load(sys.stdin)

from django import VERSION, setup  # noqa: E402
from django.conf import settings  # noqa: E402

import settings as shop_settings  # noqa: E402

settings.configure(
    SECRET_KEY="test",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="django_urls",
    INSTALLED_APPS=["shop"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    **{name: value for name, value in vars(shop_settings).items() if name.isupper()},
)
setup()

from django.db import models  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.template import Context, Template  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class Listing(models.Model):
    photo = models.FileField()
    title = models.CharField(max_length=200)

    class Meta:
        app_label = "shop"


def show(request):
    return render(request, "listing.html", {"listing": Listing(**asked["listing"])})


urls = type(sys)("django_urls")
urls.urlpatterns = [path("", show)]
sys.modules["django_urls"] = urls

answer = Client().get("/")
assert answer.status_code == 200, answer.content


def url_by_tag(id, preset, options):
    names = " ".join(f"{name}=options.{name}" for name in options)
    template = Template("{% load pictures %}{% picture_url id preset " + names + " %}")
    return template.render(Context({"id": id, "preset": preset, "options": options}, autoescape=False))


def keywords(code):
    return eval(f"dict({code})")


json.dump(
    {
        "version": ".".join(map(str, VERSION[:3])),
        "page": answer.content.decode(),
        "urls": [url_by_tag(*each) for each in asked["urls"]],
        "code": [url_by_tag("a.jpg", "card", keywords(code)) for code in asked["code"]],
    },
    sys.stdout,
)
