"""The cards of the showcase, one file each."""

from .clock import Clock
from .counter import Counter
from .form import Form
from .job import Job
from .todo import Todo

__all__ = ["Clock", "Counter", "Form", "Job", "Todo"]
