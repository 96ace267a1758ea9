"""Old address of `umklapp config`."""

from umklapp.config import documentation

documentation.run()
