/* A Python module: squeeze.squeeze(b"aaab") is b"a3b1". */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *squeeze(PyObject *module, PyObject *argument)
{
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(argument, &bytes, &length) < 0)
        return NULL;
    char *squeezed = PyMem_Malloc(length + 16); /* BUG: each byte may become two */
    Py_ssize_t size = 0;
    for (Py_ssize_t at = 0; at < length;) {
        Py_ssize_t run = 1;
        while (run < 9 && at + run < length && bytes[at + run] == bytes[at])
            run++;
        squeezed[size++] = bytes[at];
        squeezed[size++] = (char)('0' + run);
        at += run;
    }
    PyObject *result = PyBytes_FromStringAndSize(squeezed, size);
    PyMem_Free(squeezed);
    return result;
}

static PyMethodDef functions[] = {
    {"squeeze", squeeze, METH_O, "Bytes with the lengths of their runs."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "squeeze", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit_squeeze(void)
{
    return PyModule_Create(&definition);
}
