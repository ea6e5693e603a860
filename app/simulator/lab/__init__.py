"""The fault laboratory: in each call something breaks at a known stage, and the recording says what was heard.

words.py     everything that sounds is a tone of its own, a word each, so that a recording can be read
answering.py a model's mind that knows by its history how far it was heard, and goes on from there
cells.py     what breaks, at which stage, and what was promised for it
judge.py     silence, lost and repeated words, recovery, read off a recording
picture.py   the matrix drawn
soaking.py   a process watched over time: slopes and their noise
"""
