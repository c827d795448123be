"""Compiled cores behind the doors of `nets`: C++ sources, their library, its functions in jax."""
