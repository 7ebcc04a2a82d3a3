# Calls one function of a file in Ruby. What it is given and what it answers are JSON in files: what it prints is its own.
require 'json'

file, name, given, answer = ARGV
$LOAD_PATH.unshift(File.dirname(file))
load(file)
owner, _, function = name.rpartition('.')
arguments = JSON.parse(File.read(given, encoding: 'UTF-8'))
value = owner.empty? ? send(function.to_sym, *arguments) : Object.const_get(owner).public_send(function, *arguments)
File.write(answer, JSON.generate([value]), encoding: 'UTF-8')
