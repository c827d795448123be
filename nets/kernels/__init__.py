"""Compiled cores behind the doors of `nets`: C++ sources, the library made of them, and its
functions in jax.
"""
