"""From a question to text.

* `types` has questions and the events of their answers.
* `answer` generates one answer, by its `plan`: one prompt, or one for each field of a schema.
  A `reader` prefills a prompt and decodes after it; `batch` runs several answers in one pass.
* `scope` is the time range that may be recalled, `time_expressions` finds it in the words.
* `evidence` says which frames an answer rests on, `timer` where its time went.
"""
