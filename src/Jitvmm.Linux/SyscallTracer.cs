using System.Text;
using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>Prints system calls as they happen, one line each, like strace(1).</summary>
public sealed unsafe class SyscallTracer(int hostFd)
{
    private const int MaxText = 48;
    private const int MaxTexts = 16;

    /// <summary>Where it prints.</summary>
    public int HostFd => hostFd;

    [ThreadStatic]
    private static StringBuilder? t_line;

    public void Enter(GuestThread thread, ulong number, in SyscallArgs args, in SyscallRow row, bool known)
    {
        StringBuilder line = t_line ??= new StringBuilder();
        line.Clear().Append('[').Append(thread.Tid).Append("] ");
        if (!known)
        {
            line.Append("syscall_").Append(number);
        }
        else
        {
            line.Append(row.Name);
        }

        line.Append('(');
        string format = known ? row.Format : "xxxxxx";
        for (int i = 0; i < format.Length; i++)
        {
            if (i > 0)
            {
                line.Append(", ");
            }

            AppendArgument(line, thread, format[i], args[i], i + 1 < 6 ? args[i + 1] : 0);
        }

        line.Append(')');
        if (known && EndsThread(number))
        {
            Write(line.Append(" = ?\n"));
        }
    }

    public void Exit(GuestThread thread, long result, bool noResult)
    {
        StringBuilder? line = t_line;
        if (line == null || line.Length == 0)
        {
            return;
        }

        line.Append(" = ");
        if (noResult)
        {
            line.Append('?');
        }
        else if (result is < 0 and > -4096)
        {
            line.Append("-1 ").Append(Errno.NameOf((int)-result));
        }
        else if (result is > 0xffff_ffff or < 0)
        {
            line.Append("0x").Append(result.ToString("x"));
        }
        else
        {
            line.Append(result);
        }

        Write(line.Append('\n'));
    }

    public void Signal(GuestThread thread, in SignalInfo info)
    {
        StringBuilder line = new();
        line.Append('[').Append(thread.Tid).Append("] --- ").Append(Signals.Signal.NameOf(info.Signal));
        Write(line.Append(" code ").Append(info.Code).Append(" ---\n"));
    }

    /// <summary>exit, exit_group, rt_sigreturn and a successful execve do not come back to print.</summary>
    private static bool EndsThread(ulong number) => number is 60 or 231;

    private static void AppendArgument(StringBuilder line, GuestThread thread, char kind, ulong value, ulong next)
    {
        switch (kind)
        {
            case 'f' when (int)value == -100:
                line.Append("AT_FDCWD");
                break;
            case 'f' or 'd':
                line.Append(kind == 'f' || value <= uint.MaxValue ? (int)value : (long)value);
                break;
            case 'u':
                line.Append(value);
                break;
            case 'o':
                line.Append('0').Append(Convert.ToString((long)(value & 0xffffffff), 8));
                break;
            case 'g':
                line.Append(Signals.Signal.NameOf((int)value));
                break;
            case 's':
                AppendText(line, thread, value, MaxText * 4, true);
                break;
            case 'b':
                AppendText(line, thread, value, (int)Math.Min(next, MaxText), false);
                break;
            case 'p' when value == 0:
                line.Append("NULL");
                break;
            case 'v':
                AppendTexts(line, thread, value);
                break;
            default:
                if (!SyscallFlagNames.TryAppend(line, kind, value))
                {
                    line.Append("0x").Append(value.ToString("x"));
                }

                break;
        }
    }

    private static void AppendTexts(StringBuilder line, GuestThread thread, ulong table)
    {
        line.Append('[');
        for (ulong i = 0; thread.TryRead(table + (8 * i), out ulong text) && text != 0; i++)
        {
            line.Append(i > 0 ? ", " : "");
            if (i == MaxTexts)
            {
                line.Append("...");
                break;
            }

            AppendText(line, thread, text, MaxText * 4, true);
        }

        line.Append(']');
    }

    private static void AppendText(StringBuilder line, GuestThread thread, ulong address, int limit, bool terminated)
    {
        Span<byte> buffer = stackalloc byte[MaxText * 4];
        int length = limit;
        if (terminated)
        {
            length = thread.TryReadString(address, buffer);
            length = length == -Errno.ENAMETOOLONG ? buffer.Length : length;
        }
        else if (!thread.TryReadBytes(address, buffer[..limit]))
        {
            length = -1;
        }

        if (length < 0)
        {
            line.Append("0x").Append(address.ToString("x"));
            return;
        }

        line.Append('"');
        foreach (byte b in buffer[..length])
        {
            switch (b)
            {
                case (byte)'\n':
                    line.Append("\\n");
                    break;
                case (byte)'"' or (byte)'\\':
                    line.Append('\\').Append((char)b);
                    break;
                case < 32 or > 126:
                    line.Append('\\').Append(Convert.ToString(b, 8));
                    break;
                default:
                    line.Append((char)b);
                    break;
            }
        }

        line.Append('"');
    }

    private void Write(StringBuilder line)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(line.ToString());
        line.Clear();
        fixed (byte* p = bytes)
        {
            _ = HostCalls.Raw(1, (ulong)hostFd, (ulong)p, (ulong)bytes.Length);
        }
    }
}
