using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Signals;

/// <summary>The kernel's <c>stack_t</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct AlternateStackImage
{
    public ulong Base;
    public int Flags;
    private readonly int _padding;
    public ulong Size;
}

/// <summary>A thread's alternate signal stack (sigaltstack(2)).</summary>
public sealed class AlternateStack
{
    private const int OnStack = 1;
    private const int Disabled = 2;
    private const int AutoDisarm = unchecked((int)0x80000000);
    private const ulong MinimumSize = 2048;

    private int _flags;

    public ulong Base { get; private set; }

    /// <summary>0 when there is none.</summary>
    public ulong Size { get; private set; }

    public bool IsUsable => Size != 0;

    /// <summary>Whether a stack pointer is in it, which an auto-disarming stack hides.</summary>
    public bool Contains(ulong rsp) => (_flags & AutoDisarm) == 0 && rsp > Base && rsp - Base <= Size;

    /// <summary>What sigaltstack reports.</summary>
    public AlternateStackImage Image(ulong rsp) => new()
    {
        Base = Base,
        Size = Size,
        Flags = (Size == 0 ? Disabled : Contains(rsp) ? OnStack : 0) | (_flags & AutoDisarm),
    };

    /// <summary>sigaltstack; 0 or a negated error.</summary>
    public int Set(in AlternateStackImage image, ulong rsp)
    {
        if (Size != 0 && Contains(rsp))
        {
            return -Errno.EPERM;
        }

        int mode = image.Flags & ~AutoDisarm;
        if (mode is not (0 or OnStack or Disabled))
        {
            return -Errno.EINVAL;
        }

        if (mode == Disabled)
        {
            Clear();
            return 0;
        }

        if (image.Size < MinimumSize)
        {
            return -Errno.ENOMEM;
        }

        Base = image.Base;
        Size = image.Size;
        _flags = image.Flags & AutoDisarm;
        return 0;
    }

    public void Clear()
    {
        Base = 0;
        Size = 0;
        _flags = 0;
    }

    /// <summary>A handler was entered.</summary>
    public void Disarm()
    {
        if ((_flags & AutoDisarm) != 0)
        {
            Clear();
        }
    }

    /// <summary>What rt_sigreturn does with the stack_t in the frame: errors are ignored.</summary>
    public void Restore(in AlternateStackImage image, ulong rsp) => _ = Set(image, rsp);
}
