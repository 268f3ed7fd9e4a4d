"""`python -m grading.doctor`: attack the sandbox on this machine, and say what holds."""

import sys

from grading.doctor.examine import main

sys.exit(main())
