@rem Call this file to activate the virtual environment:  Scripts\activate
@rem It is for cmd. The command "deactivate" takes back everything that is done here.
@rem No blocks in parentheses, because a value may hold one, and no "call", which would
@rem expand percent signs once more.

@rem This file is UTF-8. There is no other way to ask for the code page than a process.
@for /f "tokens=2 delims=:." %%P in ('"%SystemRoot%\System32\chcp.com"') do @set "_OLD_VIRTUAL_CODEPAGE=%%P"
@if defined _OLD_VIRTUAL_CODEPAGE "%SystemRoot%\System32\chcp.com" 65001 >nul

@set "_OLD_VIRTUAL_MOVED=1"
@if exist "__VENV_DIR__\pyvenv.cfg" set "_OLD_VIRTUAL_MOVED="
@if defined _OLD_VIRTUAL_MOVED goto :end

@rem Leave the environment that is active, also one of the standard library's: its scripts use
@rem the same names. What is saved is saved anew below.
@if not defined _OLD_VIRTUAL_PATH goto :save
@set "PATH=%_OLD_VIRTUAL_PATH%"
@set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
@set "VIRTUAL_ENV=%_OLD_VIRTUAL_ENV%"
@set "VIRTUAL_ENV_PROMPT=%_OLD_VIRTUAL_ENV_PROMPT%"
@if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
@set "_OLD_VIRTUAL_PROMPT="

:save
@rem That this one is defined says that an environment is active, so it is never empty.
@set "_OLD_VIRTUAL_PATH=;"
@if defined PATH set "_OLD_VIRTUAL_PATH=%PATH%"
@set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
@set "_OLD_VIRTUAL_ENV=%VIRTUAL_ENV%"
@set "_OLD_VIRTUAL_ENV_PROMPT=%VIRTUAL_ENV_PROMPT%"

@set "VIRTUAL_ENV=__VENV_DIR__"
@set "VIRTUAL_ENV_PROMPT=__VENV_BARE_PROMPT__"
@set "PATH=__VENV_DIR__\__VENV_BIN_NAME__;%PATH%"
@set "PYTHONHOME="

@if defined VIRTUAL_ENV_DISABLE_PROMPT goto :end
@if not defined PROMPT set "PROMPT=$P$G"
@set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@set "PROMPT=(__VENV_BATCH_PROMPT__) %PROMPT%"

:end
@if defined _OLD_VIRTUAL_CODEPAGE "%SystemRoot%\System32\chcp.com" %_OLD_VIRTUAL_CODEPAGE% >nul
@set "_OLD_VIRTUAL_CODEPAGE="
@if not defined _OLD_VIRTUAL_MOVED exit /b 0
@set "_OLD_VIRTUAL_MOVED="
@echo activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR>&2
@exit /b 1
