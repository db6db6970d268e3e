"""Tests of features: what people do with each, and what it alone has."""
