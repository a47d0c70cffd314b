"""`streamlit run dashboard/app.py`."""

if __name__ == "__main__":
    import sys
    from pathlib import Path

    ROOT = str(Path(__file__).resolve().parents[1])
    if ROOT not in sys.path:                              # streamlit puts only this folder on the path
        sys.path.insert(0, ROOT)

    from dashboard.shell import main

    main()
