"""Each fault in the table of docs/architecture.md, and the test that injects it, in clear and sealed.

a worker is killed, or ends by itself       test_kills.py, test_in_the_browser.py
... in the middle of an interaction         test_kills.py, test_in_the_browser.py
a callback ends its process                 tests/server/test_app_errors.py
it ends again and again                     test_restarts.py, tests/test_breaker.py
an app cannot be imported                   test_restarts.py, tests/server/test_bad_modules.py
the supervisor is killed                    test_kills.py, tests/server/test_pool_life.py
a web process is killed, recycled, reloaded test_kills.py, tests/server/test_pool_life.py, test_reloader.py
the server is stopped                       tests/server/test_pool_life.py
everything is killed at once                test_kills.py
a callback raises anything                  test_callbacks.py, tests/server/test_app_errors.py
a callback or init never ends               tests/server/test_hung_apps.py
native code keeps the interpreter's lock    tests/server/test_hung_apps.py
a leak                                      test_memory.py
a process is stopped, and lives             test_stopped.py
a module forks or starts threads            test_imports.py
the run directory is full, or not ours      test_run_dir.py, tests/server/test_pool_start.py
files in it are taken away                  test_run_dir.py
sockets, locks, numbers of a dead pool      test_run_dir.py, test_kills.py
the clock is set                            test_clock.py, tests/test_layers.py
visitors without a cookie, pages left       tests/server/test_many_pages.py
a reader takes nothing                      tests/server/test_slow_reader.py
half-open connections                       test_crowds.py
a thousand pages come back at once          test_crowds.py
"""
