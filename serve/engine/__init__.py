"""The model thread and its schedulers.

* `engine` owns the thread; `fairness` shares its time between frames and answers and between keys,
  and gives what is left to work that can wait.
* `frame_scheduler` batches the frames of all streams, `answer_scheduler` the answers of all.
* `persistence` opens, restores and closes what streams have on disk.
* `utilization` says what the thread's time went to; `settings` are those of all of it.
"""
