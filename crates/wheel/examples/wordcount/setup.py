from setuptools import Extension, setup

setup(name="wordcount", version="1.0", py_modules=[], ext_modules=[Extension("wordcount", ["wordcount.c"])])
