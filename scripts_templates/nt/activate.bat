@rem Call this file to activate the virtual environment:  Scripts\activate
@rem The command "deactivate" takes back everything that is done here.
@rem No blocks in parentheses: a value may hold one.

@rem This file is UTF-8. There is no other way to ask for the code page than a process.
@for /f "tokens=2 delims=:." %%P in ('"%SystemRoot%\System32\chcp.com"') do @set "_OLD_VIRTUAL_CODEPAGE=%%P"
@if defined _OLD_VIRTUAL_CODEPAGE "%SystemRoot%\System32\chcp.com" 65001 >nul

@if defined _OLD_VIRTUAL_ON call "__VENV_DIR__\__VENV_BIN_NAME__\deactivate.bat"
@set "_OLD_VIRTUAL_ON=1"
@set "_OLD_VIRTUAL_PATH=%PATH%"
@set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
@set "_OLD_VIRTUAL_ENV=%VIRTUAL_ENV%"
@set "_OLD_VIRTUAL_ENV_PROMPT=%VIRTUAL_ENV_PROMPT%"

@set "VIRTUAL_ENV=__VENV_DIR__"
@set "VIRTUAL_ENV_PROMPT=__VENV_BARE_PROMPT__"
@set "PATH=__VENV_DIR__\__VENV_BIN_NAME__;%PATH%"
@set "PYTHONHOME="

@if defined VIRTUAL_ENV_DISABLE_PROMPT goto :no_prompt
@set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@if not defined PROMPT set "PROMPT=$P$G"
@if not defined _OLD_VIRTUAL_PROMPT set "_OLD_VIRTUAL_PROMPT=$P$G"
@set "PROMPT=(__VENV_BATCH_PROMPT__) %PROMPT%"
:no_prompt

@if defined _OLD_VIRTUAL_CODEPAGE "%SystemRoot%\System32\chcp.com" %_OLD_VIRTUAL_CODEPAGE% >nul
@set "_OLD_VIRTUAL_CODEPAGE="
